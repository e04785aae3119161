"""The parts of chaos that need no server: what is planned, what is sent, how looks at the store are judged."""

from pathlib import Path

import pytest

from load.chaos.plan import FAULTS, KILLS, NETWORK_FAULTS, full_plan, make_plan
from load.chaos.servers import Servers
from load.chaos.service import Assignment
from load.chaos.traffic import Traffic
from load.chaos.watch import Seen, Watch
from tidegauge.partitioner import partition_for

SECONDS, PARTITIONS = 40.0, 4


def looks(tmp_path: Path, *offsets: tuple[float, int, int]) -> Watch:
    watch = Watch(Servers(tmp_path), "t.", 1, 0)
    watch.seen["profiler", 0] = [Seen(at, 0, epoch, 1, {"predictions": offset}) for at, epoch, offset in offsets]
    watch.ends = [(0.0, {("predictions", 0): 100})]
    return watch


@pytest.mark.parametrize("seed", range(1, 31))
def test_a_plan_follows_from_its_seed_and_kills_somebody(seed: int) -> None:
    plan = make_plan(seed, SECONDS, PARTITIONS)
    assert plan == make_plan(seed, SECONDS, PARTITIONS)
    assert plan.names & set(KILLS)
    assert all(fault.at_seconds + FAULTS[fault.name][0] <= SECONDS for fault in plan.faults)


def test_thirty_seeds_have_every_fault_and_some_only_those_of_workers() -> None:
    plans = [make_plan(seed, SECONDS, PARTITIONS).names for seed in range(1, 31)]
    assert frozenset().union(*plans) == FAULTS.keys()
    assert any(all(FAULTS[name][1] == "workers" for name in names) for names in plans)


def test_a_full_plan_has_every_fault_once_and_none_that_cannot_be_had() -> None:
    assert sorted(fault.name for fault in full_plan(1, PARTITIONS, speed=15.0).faults) == sorted(FAULTS)
    assert not full_plan(1, PARTITIONS, speed=15.0, without=NETWORK_FAULTS).names & NETWORK_FAULTS


def test_traffic_follows_from_its_seed_and_leaves_one_shard_silent() -> None:
    traffic = Traffic(3, 600_000, PARTITIONS, silent_shard=2, silent_ms=(200_000, 300_000))
    steps = traffic.steps()
    assert steps == traffic.steps()
    assert [step.at_ms for step in steps] == sorted(step.at_ms for step in steps)
    ids = [s.fields for s in steps if s.role == "predictions" and s.fields]
    silent = [f for f in ids if 200_000 <= f["timestamp_ms"] < 300_000]
    assert silent
    assert 2 not in {partition_for(f["prediction_id"].encode(), PARTITIONS) for f in silent}
    assert 2 in {partition_for(f["prediction_id"].encode(), PARTITIONS) for f in ids}


def test_an_assignment_survives_the_command_line() -> None:
    given = Assignment("labels", "127.0.0.1:1", "t.", "/x", 7, 30.0, Traffic(1, 60_000, 4, silent_ms=(1, 2)))
    assert Assignment.read(given.text()) == given


def test_an_offset_that_goes_back_is_seen_unless_somebody_else_owns_the_shard(tmp_path: Path) -> None:
    assert not looks(tmp_path, (1.0, 1, 10), (2.0, 1, 20), (3.0, 2, 15)).steps_back()
    assert looks(tmp_path, (1.0, 1, 10), (2.0, 1, 9)).steps_back()


def test_a_stall_counts_only_where_no_fault_excuses_it(tmp_path: Path) -> None:
    watch = looks(tmp_path, (1.0, 1, 10), *((1.0 + n, 1, 10) for n in range(1, 20)))
    assert watch.longest_stall([])[0] == pytest.approx(18.0)
    assert watch.longest_stall([(3.0, 15.0)])[0] == pytest.approx(5.0)
    assert looks(tmp_path, (1.0, 1, 100), (9.0, 1, 100)).longest_stall([])[0] == 0


def test_a_take_over_is_the_last_shards_next_epoch(tmp_path: Path) -> None:
    watch = looks(tmp_path, (1.0, 1, 10), (5.0, 1, 10), (9.0, 2, 10))
    assert watch.taken_over(2.0, [0]) == pytest.approx(9.0)
    assert watch.taken_over(9.5, [0]) is None
