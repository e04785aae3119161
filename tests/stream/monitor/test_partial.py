"""A version that is replaced, and the one that follows it: on that day neither is compared with whole days."""

from collections.abc import Iterable
from itertools import pairwise

import msgspec
import pytest

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor import core as monitor_core
from stream.monitor.core import MonitorCore
from stream.monitor.fields import Fields
from stream.monitor.outputs import Output
from stream.monitor.partial import NOTE, Missed, day_before_ms, missed_by, partial_versions
from stream.monitor.schedule import Progress
from stream.monitor.service_ledger import ServiceLedger
from stream.monitor.state import MonitorState
from stream.parts.keys import PartKey
from stream.parts.service import ServicePart
from stream.timeline.durations import DAY_MS
from stream.timeline.panes import EpochPanes
from stream.timeline.windows import WindowScheme
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS, SHARDS, Day, Messages
from tidegauge.alerts import Alert, Window
from tidegauge.definition import DriftMonitor, LatencyMonitor, PerformanceMonitor, TrafficMonitor
from tidegauge.reports import Report

AFTERNOON = 14 / 24
REPLACED = [Day(), Day(replaced=AFTERNOON), Day(replaced=0.0), Day(replaced=0.0, shift_a=2.0)]
WATCHED = [DriftMonitor(), PerformanceMonitor(), LatencyMonitor(windows=["1h"])]


@pytest.fixture(scope="module")
def compiled() -> CompiledModel:
    definition = msgspec.structs.replace(world.DEFINITION, monitors=WATCHED, windows=["1d"], label_ages=[])
    return world.compiled_model(definition)


@pytest.fixture(scope="module")
def reference(compiled: CompiledModel) -> Reference:
    return world.reference(compiled, days=12)


@pytest.fixture(scope="module")
def messages(compiled: CompiledModel) -> Messages:
    return world.play(REPLACED, compiled)


@pytest.fixture(scope="module")
def nightly(compiled: CompiledModel) -> Messages:
    days = [Day(), *[Day(nightly=True)] * 2, Day(nightly=True, shift_a=2.0)]
    return world.play(days, compiled)


@pytest.fixture
def core(compiled: CompiledModel, reference: Reference) -> MonitorCore:
    return MonitorCore(0, world.catalog_of(compiled, reference))


def states(outputs: list[Output], part: str, day: int) -> dict[str, str]:
    """Return by version what a day's reports say of all rows."""
    end_ms = DAY_0 + (day + 1) * DAY_MS
    reports = [o for o in outputs if isinstance(o, Report) and o.part == part and o.window.end_ms == end_ms]
    return {report.version: report.state for report in reports if not report.segment}


def notes(outputs: list[Output], version: str) -> dict[int, list[str]]:
    """Return by day what the reports on inputs and outcomes of all rows say beside the numbers, without accuracies."""
    reports = [o for o in outputs if isinstance(o, Report) and o.version == version and o.part != "service"]
    rows = [report for report in reports if report.n and not report.segment]
    days = {(report.window.end_ms - DAY_0) // DAY_MS - 1: report.notes for report in rows}
    return {day: [note for note in said if not note.startswith("accuracy")] for day, said in days.items()}


@pytest.mark.parametrize("part", ["inputs", "outcome"])
def test_a_part_of_a_day_is_not_compared_with_whole_days(messages: Messages, core: MonitorCore, part: str) -> None:
    outputs = world.run(core, world.in_order(messages), every=2 * SHARDS)
    assert states(outputs, part, 0) == {"v1": "ok"}
    assert states(outputs, part, 1) == {"v1": "insufficient", "v2": "insufficient"}
    assert states(outputs, part, 2) == {"v2": "ok"}
    assert notes(outputs, "v2") == {1: [NOTE], 2: [], 3: []}
    assert {(alert.version, alert.kind) for alert in world.alerts(outputs)} == {("v2", "features")}


def test_what_began_in_the_evening_is_no_whole_day_whatever_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reads panes shorter than a day: service panes are of an hour all the same."""
    definition = msgspec.structs.replace(world.DEFINITION, monitors=[DriftMonitor(), TrafficMonitor()], windows=["1d"])
    daily = world.compiled_model(definition)
    catalog = world.catalog_of(daily, world.reference(daily, days=28))
    original = world.rows_of

    def rows_of(number: int, day: Day, seed: int = 0) -> world.Rows:
        rows = original(number, day, seed)
        if number == 0:
            at_ms = rows.raw.timestamps_ms
            at_ms[:] = DAY_0 + 18 * HOUR_MS + (at_ms - DAY_0) // 4
        return rows

    monkeypatch.setattr(world, "rows_of", rows_of)
    days = [Day(rows=300), Day(), Day(replaced=AFTERNOON), Day(replaced=0.0)]
    outputs = world.run(MonitorCore(0, catalog), world.in_order(world.play(days, daily)), every=2 * SHARDS)
    assert states(outputs, "inputs", 0) == {"v1": "insufficient"}
    assert states(outputs, "inputs", 1) == {"v1": "ok"}
    assert states(outputs, "inputs", 2) == {"v1": "insufficient", "v2": "insufficient"}
    begun = [(alert.kind, alert.decided_at_ms) for alert in world.alerts(outputs) if alert.seq == 1]
    assert begun == [("traffic", DAY_0 + 5 * DAY_MS)], "silence after the last day, nothing before it"


def decided(outputs: list[Output]) -> list[Output]:
    found = [output for output in outputs if isinstance(output, Alert | Report)]
    return sorted(found, key=msgspec.json.encode)


def restarted(first: MonitorCore, second: MonitorCore, messages: Messages) -> list[Output]:
    """Go on from what was stored, once the day is over and before its labels are in."""
    outputs = world.run(first, world.in_order(messages[:2]))
    second.load({name: value for name, value in first.dirty_fields().items() if value is not None})
    return outputs + world.run(second, world.in_order(messages[2:]))


@pytest.mark.parametrize("who", ["messages", "nightly"])
def test_neither_batches_nor_restarts_nor_forgetting_change_what_is_decided(
    who: str,
    request: pytest.FixtureRequest,
    compiled: CompiledModel,
    reference: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages: Messages = request.getfixturevalue(who)

    def core() -> MonitorCore:
        return MonitorCore(0, world.catalog_of(compiled, reference))

    expected = decided(world.run(core(), world.in_order(messages), every=2 * SHARDS))
    assert decided(world.run(core(), world.in_order(messages), every=10_000)) == expected
    assert decided(restarted(core(), core(), messages)) == expected
    monkeypatch.setattr(monitor_core, "prune", lambda *_: None)
    assert decided(world.run(core(), world.in_order(messages), every=2 * SHARDS)) == expected


@pytest.mark.parametrize("part", ["inputs", "outcome"])
def test_a_version_scored_in_one_hour_of_every_night_is_judged(nightly: Messages, core: MonitorCore, part: str) -> None:
    outputs = world.run(core, world.in_order(nightly), every=2 * SHARDS)
    assert states(outputs, part, 0) == {"v1": "ok"}
    assert states(outputs, part, 1) == {"v1": "ok", "nightly": "insufficient"}
    assert states(outputs, part, 2) == {"v1": "ok", "nightly": "ok"}
    assert notes(outputs, "nightly") == {1: [NOTE], 2: [], 3: []}
    assert {alert.version for alert in world.alerts(outputs, "features")} == {"v1", "nightly"}


def noted(core: MonitorCore) -> Progress:
    """Return the progress that was stored last."""
    state = MonitorState()
    state.load({field: value for field, value in core.dirty_fields().items() if value is not None})
    return state.progress["m"]


def test_what_versions_missed_is_forgotten(compiled: CompiledModel, core: MonitorCore) -> None:
    messages = world.play([Day(nightly=True)] * 2, compiled, after=14)
    world.run(core, world.in_order(messages[:4]), every=2 * SHARDS)
    assert {len(missed) for missed in noted(core).missed.values()} == {1}
    world.run(core, world.in_order(messages[4:]), every=2 * SHARDS)
    assert noted(core).missed == {}


def test_state_of_a_release_before_is_read() -> None:
    state = MonitorState()
    state.progress_of("m").store(state.fields, "m")
    [(field, value)] = state.fields.take().items()
    assert value is not None
    old = msgspec.msgpack.decode(value)
    del old["partial"], old["missed"]
    later = MonitorState()
    later.load({field: msgspec.msgpack.encode(old)})
    assert later.progress["m"] == state.progress["m"]


DAY = Window(length="1d", start_ms=DAY_0, end_ms=DAY_0 + DAY_MS)


def rows_by_hour(**versions: Iterable[int]) -> ServiceLedger:
    """Return a ledger in which each version has ten requests in each of its hours."""
    ledger = ServiceLedger(Fields())
    for version, hours in versions.items():
        for hour in hours:
            start_ms = DAY_0 + hour * HOUR_MS
            part = ServicePart(None)
            part.rows = 10
            key = PartKey("m", version, "", "service", start_ms, start_ms + HOUR_MS, True, 0, "")
            ledger.add(key, part, EpochPanes(HOUR_MS))
    return ledger


@pytest.mark.parametrize(
    ("versions", "partial"),
    [
        ({"v1": range(14), "v2": range(14, 24)}, ["v1", "v2"]),
        ({"v1": range(14)}, []),
        ({"v1": range(24), "v2": range(2, 24)}, []),
        ({"v1": range(24), "v2": range(12, 24)}, ["v2"]),
        ({"v1": [*range(10), *range(14, 24)], "v2": range(10, 14)}, ["v2"]),
        ({"v1": range(8, 18), "v2": range(8, 18)}, []),
        ({"v1": range(24), "v2": range(20, 23)}, []),
        ({"v1": range(-24, 0), "v2": range(24), "v3": range(24, 48)}, []),
    ],
    ids=[
        "one after the other",
        "nobody goes on",
        "nearly whole",
        "a second one begins",
        "back again",
        "all are silent at night",
        "few rows",
        "the days before and after do not count",
    ],
)
def test_who_was_there_for_a_part_of_a_day_only(versions: dict[str, list[int]], partial: list[str]) -> None:
    missed = missed_by(rows_by_hour(**versions), "m", DAY, least_rows=40)
    assert partial_versions(missed, {}, WindowScheme("1d")) == partial


@pytest.mark.parametrize(
    ("length", "before", "now", "partial"),
    [
        ("1d", [2], [2], []),
        ("1d", [2, 3], [3, 4], []),
        ("1d", [2], [14], ["other"]),
        ("1d", range(14), range(14), []),
        ("1d", [13], range(14, 24), ["other"]),
        ("1d", range(24), range(14), ["other"]),
        ("1d", [], range(14, 24), ["other"]),
        ("6h", [2], [2], []),
        ("6h", range(6), range(3), ["other"]),
    ],
    ids=[
        "every night",
        "an hour later",
        "at another hour",
        "every morning",
        "tried an hour before it took over, a day before",
        "gone",
        "new",
        "every night, in part of a day",
        "gone in part of a day",
    ],
)
def test_who_misses_the_same_every_day_has_neither_come_nor_left(
    length: str, before: Iterable[int], now: Iterable[int], partial: list[str]
) -> None:
    scheme = WindowScheme(length)
    ledger = rows_by_hour(live=range(48), other=[*before, *(hour + 24 for hour in now)])
    end_ms = DAY_0 + DAY_MS + scheme.length_ms
    missed = missed_by(ledger, "m", scheme.window(end_ms), least_rows=10)
    day_before = missed_by(ledger, "m", scheme.window(day_before_ms(scheme, end_ms)), least_rows=10)
    assert partial_versions(missed, day_before, scheme) == partial


def test_who_has_left_misses_another_day_of_a_long_window() -> None:
    left = [{"v1": Missed(0.0, days / 7)} for days in range(7)]
    weeks = WindowScheme("7d")
    assert [partial_versions(now, before, weeks) for before, now in pairwise(left)] == [["v1"]] * 6
    nights = {"v1": Missed(0.01, 0.13)}, {"v1": Missed(0.02, 0.09)}
    assert partial_versions(*nights, weeks) == partial_versions(*nights[::-1], weeks) == []


def test_a_local_day_may_have_more_hours() -> None:
    scheme = WindowScheme("1d", "Europe/Berlin")
    midnight_ms = 1_635_721_200_000  # 2021-11-01, after the day on which the clock went back
    assert midnight_ms - day_before_ms(scheme, midnight_ms + DAY_MS) == 0
    assert midnight_ms - day_before_ms(scheme, midnight_ms) == 25 * HOUR_MS


def test_panes_wider_than_the_window_say_nothing() -> None:
    window = Window(length="30m", start_ms=DAY_0, end_ms=DAY_0 + HOUR_MS // 2)
    assert missed_by(rows_by_hour(v1=range(1), v2=range(1)), "m", window, least_rows=0) == {}
