"""The parts of a soak that need no server: a leak fails, noise and faults do not; delays, accounts and the plan."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from load.generate import Drift, LoadSpec
from load.generate.draw import Drawer
from load.generate.encode import LABEL, PREDICTION, Message
from load.soak.accounts import accounts, shortcomings
from load.soak.feed import READY_SECONDS, Feeding
from load.soak.latency import Delay, apart, by_stretch, closed_at, delays
from load.soak.plan import EVERY_SECONDS, KINDS, make_plan
from load.soak.sample import Sample, StoreSample, WorkerSample
from load.soak.trend import MB, Trend, judge, series_of
from load.soak.verdict import Done, Soak, text_of, write
from load.soak.witness import Witness, read_witness
from stream.profiler.counts import TopicCounts
from stream.profiler.state import Meta
from tidegauge import Alert

HOUR, STEP = 3600.0, 5.0
Growth = Callable[[float], float]
EVENTS_PER_SECOND = 4_000


def never(_: float) -> float:
    return 0.0


def by_the_hour(amount: float) -> Growth:
    return lambda at: amount * at / HOUR


def look(
    at: float, rng: np.random.Generator, memory: Growth, files: Growth, keys: Growth, data: Growth, restart: float
) -> Sample:
    """One look at a run as it is: warming up for five minutes, going up and down, with a peak in each fault."""
    warm = 40 * MB * min(at / 300, 1.0)
    peak = 100 * MB if at % 270 < 40 else 0.0  # it stands in for the other one
    peak += float(rng.exponential(15 * MB))  # runs are merged
    pid = 10 + int(at // 700)  # the second worker is killed now and then
    workers = (
        WorkerSample(0, 1, int(180 * MB + warm + peak + rng.normal(0, 2 * MB) + memory(at)), 50 + int(files(at)), 0.0),
        WorkerSample(1, pid, int(180 * MB + warm + rng.normal(0, 2 * MB)), 50, 0.0),
    )
    buckets = int(8 * (at % 60) / 60)
    data_bytes = int(90 * MB + 14 * MB * (at % 60) / 60 + data(at))  # a bucket fills and expires every minute
    away = at % 540 < 10
    store = StoreSample(30 + buckets + int(keys(at)), data_bytes * 2, data_bytes, 1 + int(at >= restart))
    return Sample(at, workers, None if away else store, 500)


def run(
    seconds: float = HOUR,
    memory: Growth = never,
    files: Growth = never,
    keys: Growth = never,
    data: Growth = never,
    restart: float = HOUR,
) -> Soak:
    rng = np.random.default_rng(1)
    samples = [look(at, rng, memory, files, keys, data, restart) for at in np.arange(STEP, seconds, STEP).tolist()]
    return Soak("a run", "a machine", seconds / 60, EVENTS_PER_SECOND, 1, samples=samples)


def growing(soak: Soak) -> list[tuple[str, str]]:
    return [(trend.subject, trend.measure) for trend in soak.trends if trend.outcome == "grows"]


def test_a_steady_run_passes_whatever_faults_do() -> None:
    assert not run().failures


@pytest.mark.parametrize(
    ("leak", "found"),
    [
        # Half a pointer for each event, predictions and labels.
        ({"memory": by_the_hour(2 * 4.0 * EVENTS_PER_SECOND * HOUR)}, ("worker 0", "resident memory")),
        # 4 kB for each report: 5 scopes, 4 families, 6 windows a minute.
        ({"memory": by_the_hour(5 * 4 * 6 * 60 * 4_096.0)}, ("worker 0", "resident memory")),
        # A connection that is forgotten at each fault, as many as a run of an hour has.
        ({"files": by_the_hour(13)}, ("worker 0", "open files")),
        # A bucket of a minute that does not expire.
        ({"keys": by_the_hour(60)}, ("Redis", "Redis keys")),
        # A profile of 4 kB for each of 5 scopes and 4 parts that is never deleted, 6 panes a minute.
        ({"data": by_the_hour(360 * 5 * 4 * 4_096.0)}, ("Redis", "Redis data")),
    ],
)
def test_a_leak_of_realistic_size_fails(leak: dict[str, Growth], found: tuple[str, str]) -> None:
    soak = run(**leak)
    assert growing(soak) == [found]
    assert text_of(soak).splitlines()[-1] == "failed"


def test_growth_that_ends_with_the_warm_up_is_no_leak() -> None:
    assert not run(memory=lambda at: 100 * MB * min(at, 0.4 * HOUR) / HOUR).failures


def test_a_process_is_judged_by_itself_and_only_when_it_lived_long_enough() -> None:
    trends = [trend for trend in run().trends if trend.measure == "resident memory"]
    assert [trend.outcome for trend in trends if trend.subject == "worker 0"] == ["ok"]
    others = [trend for trend in trends if trend.subject == "worker 1"]
    assert len(others) == 6
    assert {trend.outcome for trend in others} == {"too short"}
    assert all(trend.outcome == "too short" for trend in run(120.0, memory=by_the_hour(1000 * MB)).trends)


def test_redis_may_come_back_to_the_room_it_kept_before_a_restart() -> None:
    restart = 0.75 * HOUR

    def regrowth(at: float) -> float:
        return -40 * MB * max(0.0, 1 - (at - restart) / 600) if at >= restart else 0.0

    assert not run(data=regrowth, restart=restart).failures
    assert growing(run(data=lambda at: regrowth(at) + 30 * MB * at / HOUR, restart=restart)) == [
        ("Redis", "Redis data")
    ]


def test_a_slope_is_the_second_halfs() -> None:
    trends: Iterator[Trend] = (judge(series) for series in series_of(run(memory=by_the_hour(500 * MB)).samples))
    memory = next(trend for trend in trends if trend.measure == "resident memory")
    assert memory.per_hour == pytest.approx(500 * MB, rel=0.02)
    assert memory.judged_seconds == pytest.approx(HOUR / 2, abs=STEP)


@pytest.mark.parametrize("seed", range(1, 20))
def test_a_plan_has_a_fault_every_four_to_five_minutes_and_each_kind_in_turn(seed: int) -> None:
    plan = make_plan(seed, HOUR)
    assert plan == make_plan(seed, HOUR)
    pauses = np.diff([fault.at_seconds for fault in plan])
    assert all(EVERY_SECONDS[0] <= pause <= EVERY_SECONDS[1] for pause in pauses)
    assert sorted(fault.name for fault in plan[: len(KINDS)]) == sorted(KINDS)
    assert 11 <= len(plan) <= 15
    assert len(make_plan(seed, 120.0)) == 1
    assert not make_plan(seed, HOUR, ())


def message(at_ms: int, kind: int, partition: int) -> Message:
    return Message(at_ms, kind, b"", b"", partition)


def test_a_window_closes_with_the_last_partitions_first_event_beyond_it(tmp_path: Path) -> None:
    witness = Witness(start_second=100)
    witness.note([message(100_200, PREDICTION, 0), message(100_300, PREDICTION, 1)], at=1.0)
    witness.note([message(130_000, PREDICTION, 0), message(130_100, LABEL, 0)], at=2.0)
    witness.note([message(130_500, PREDICTION, 0), message(130_900, PREDICTION, 1)], at=3.0)
    witness.note([message(131_000, LABEL, 1), message(131_000, LABEL, 0)], at=4.0)
    witness.write(tmp_path / "witness.json")
    seen = read_witness(tmp_path / "witness.json")
    drift = Alert(alert_id="a", seq=0, status="firing", severity="error", kind="features", model="m")
    at = {"decided_at_ms": 120_000}
    told = [Alert(**{**fields_of(drift), **at}), Alert(**{**fields_of(drift), **at, "kind": "performance"})]
    assert [closed_at(alert, seen, 10_000) for alert in told] == [3.0, 4.0]
    assert closed_at(Alert(**{**fields_of(drift), "decided_at_ms": 125_000}), seen, 10_000) is None
    by_clock = Alert(**{**fields_of(drift), **at, "kind": "tidegauge.state"})
    found = delays([(5.5, told[0]), (6.0, told[1]), (7.0, by_clock)], seen, 10_000, started=1.0)
    assert found == [Delay(4.5, 2.5, "features"), Delay(5.0, 2.0, "performance")]


def fields_of(alert: Alert) -> dict[str, object]:
    return {name: getattr(alert, name) for name in alert.__struct_fields__}


def test_delays_are_summed_up_by_stretch_and_apart_from_faults() -> None:
    found = [Delay(10.0, 1.0, "features"), Delay(20.0, 3.0, "features"), Delay(310.0, 9.0, "score")]
    stretches = by_stretch(found, 300.0)
    assert [(s.since_seconds, s.count, s.p50_seconds) for s in stretches] == [(0.0, 2, 2.0), (300.0, 1, 9.0)]
    assert apart(found, [(300.0, 320.0)]) == (found[:2], found[2:])


def metas(**lost: int) -> list[Meta]:
    predictions = TopicCounts(messages=11, watermarks=1, rows=10, accepted=10)
    return [
        Meta(predictions=predictions, labels=TopicCounts(messages=5, rows=4, accepted=4, watermarks=1)),
        Meta(predictions=TopicCounts(rows=3, accepted=3 - sum(lost.values()), dropped=lost, messages=3)),
    ]


def test_every_event_is_accounted_for() -> None:
    assert not list(shortcomings(metas(), {"predictions": 13, "labels": 4}))
    assert [account.accepted for account in accounts(metas(), {"predictions": 13, "labels": 4})] == [13, 4]


def test_an_event_that_was_not_counted_is_told() -> None:
    assert len(list(shortcomings(metas(), {"predictions": 14, "labels": 4}))) == 1
    (told,) = shortcomings(metas(duplicate=1), {"predictions": 13, "labels": 4})
    assert "duplicate 1" in told
    gap = [Meta(predictions=TopicCounts(messages=9, gaps=1, rows=10, accepted=10))]
    assert len(list(shortcomings(gap, {"predictions": 10, "labels": 0}))) == 1


def test_what_was_found_is_written_as_one_object(tmp_path: Path) -> None:
    soak = run(900.0)
    soak.faults = [Done("restart_redis", 60.0, 61.0, "Redis killed, back after 1.0 s")]
    soak.delays = [Delay(61.0, 2.5, "features")]
    soak.problems = ["an event is missing"]
    write(tmp_path / "soak.json", soak)
    told = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert told["passed"] is False
    assert told["failures"] == ["an event is missing"]
    assert len(told["samples"]) == len(soak.samples)
    assert told["latency"]["calm"] == {"since_seconds": 0.0, "count": 0, "p50_seconds": None, "p99_seconds": None}
    assert "01:00 restart_redis: Redis killed, back after 1.0 s" in text_of(soak)


def test_a_feeding_survives_the_command_line_and_ends_with_the_clock() -> None:
    spec = LoadSpec(per_second=10, drifts=(Drift("mean", for_seconds=5),))
    given = Feeding({"bootstrap.servers": "127.0.0.1:1"}, "t.", "/x", spec, 60.0, speed=3.0)
    assert Feeding.read(given.text()) == given
    begun = given.begun(1_000.0)
    assert begun.spec.start_ms / 1000 + 60 * 3 == 1_000.0 + READY_SECONDS + 60


def test_a_drift_comes_and_goes() -> None:
    drift = Drift("mean", at_seconds=10, size=100.0, for_seconds=5, every_seconds=20)
    columns = Drawer(LoadSpec(per_second=100, drifts=(drift,), missing_ratio=0.0)).draw(5_000)
    moved = columns.numbers[:, 0] > 50
    seconds = (columns.timestamps_ms - columns.timestamps_ms[0]) / 1000
    assert set(seconds[moved].astype(int) % 20) <= {9, 10, 11, 12, 13, 14}
    assert moved.sum() == pytest.approx(500 * 2.5, rel=0.2)
    assert not moved[seconds < 9].any()
