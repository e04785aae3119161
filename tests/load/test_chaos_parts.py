"""The parts of chaos that need no server: what is planned, what is sent, how looks at the store are judged."""

import json
from pathlib import Path

import pytest

from load.chaos import checks
from load.chaos.any_number import BASE_MS
from load.chaos.model import MODELS
from load.chaos.plan import FAULTS, KILLS, NETWORK_FAULTS, full_plan, make_plan
from load.chaos.recount import recount
from load.chaos.servers import Servers
from load.chaos.service import Assignment
from load.chaos.topics import Log
from load.chaos.traffic import Traffic
from load.chaos.verdict import SHARD
from load.chaos.watch import Seen, Watch
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from tidegauge.definition import CategoricalGrid, Definition, NumericGrid
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


def test_the_recomputation_counts_what_a_plain_count_counts() -> None:
    log = log_of(Traffic(5, 240_000, PARTITIONS, clock_ahead_ms=150_000))
    for shard in range(PARTITIONS):
        core = ShardCore(shard, declared(), SHARD)
        core.predictions(log.batches["predictions", shard])
        core.labels(log.batches["labels", shard])
        plain = recount(log, shard)
        assert core.counts["predictions"].accepted == plain.accepted > 100
        assert checks._labelled(core) == plain.matched > 100


def log_of(traffic: Traffic) -> Log:
    """The log as a broker would hold it, had the services sent it."""
    batches = {(role, n): RawBatch(n, [], [], []) for role in ("predictions", "labels") for n in range(PARTITIONS)}
    for step in traffic.steps():
        fields = None if step.fields is None else {**step.fields, "timestamp_ms": BASE_MS + step.fields["timestamp_ms"]}
        raw = (
            step.raw
            if fields is None
            else json.dumps({**fields, "model": step.model, "version": step.version}).encode()
        )
        key = step.raw[:30] if fields is None else fields["prediction_id"].encode()
        batch = batches[step.role, partition_for(key, PARTITIONS)]
        batch.offsets.append(len(batch.offsets))
        batch.broker_ms.append(BASE_MS + step.at_ms)
        batch.values.append(raw)
    return Log(batches)


def declared() -> Catalog:
    given = {"task": "binary", "positive": "bad", "segments": ["region"], "label_horizon": "2m", "label_ages": ["30s"]}
    features = {"age": "numeric", "debt": "numeric", "channel": "categorical"}
    grids = {"age": NumericGrid([0.0]), "debt": NumericGrid([1.0]), "channel": CategoricalGrid(["web"])}
    grids["__score__"] = NumericGrid([0.5])
    models = {m: Definition(model=m, features=features, windows=["1m"], **given) for m in MODELS}
    return Catalog({model: [compile_model(definition, grids)] for model, definition in models.items()})


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
