"""Alerts of a version that fades to a trickle end, though no window is ever judged again."""

from collections.abc import Sequence

import msgspec
import pytest

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.alert_book import LOST
from stream.monitor.core import MonitorCore
from stream.monitor.memory import FEW_BLOCKS, ScopeMemory, most_few
from stream.monitor.outputs import Output
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.conftest import QUIET as SELDOM
from tests.stream.monitor.world import DAY_0, HOUR_MS, SHARDS, Day, alerts, healthy
from tidegauge.definition import DriftMonitor, PerformanceMonitor

HORIZON_MS = 2 * DAY_MS
HARM = Day(shift_a=1.5, flip=0.5)
FADES = [*healthy(3), *[HARM] * 2, *[Day(rows=20)] * (FEW_BLOCKS + 1)]


@pytest.fixture(scope="module")
def compiled() -> CompiledModel:
    monitors = [DriftMonitor(features=["a"]), PerformanceMonitor()]
    return world.compiled_model(
        msgspec.structs.replace(world.DEFINITION, windows=["1d"], monitors=monitors, false_alarms=SELDOM)
    )


@pytest.fixture(scope="module")
def reference(compiled: CompiledModel) -> Reference:
    return world.reference(compiled)


def played(compiled: CompiledModel, reference: Reference, days: Sequence[Day], after: int = 3) -> list[Output]:
    core = MonitorCore(0, world.catalog_of(compiled, reference))
    messages = world.play(days, compiled, after=after)
    return world.run(core, world.in_order(messages), every=2 * SHARDS)


def ends(outputs: list[Output], segment: str = "") -> dict[str, tuple[int, str]]:
    """Return by kind when the last episode ended and why; kinds that fire to the end are left out."""
    last = {alert.kind: alert for alert in alerts(outputs) if alert.segment == segment}
    return {kind: (a.decided_at_ms, a.reason) for kind, a in last.items() if a.status == "resolved"}


def test_a_version_that_fades_to_a_trickle_keeps_its_alerts_for_ten_days(
    compiled: CompiledModel, reference: Reference
) -> None:
    outputs = played(compiled, reference, FADES)
    assert {a.severity for a in alerts(outputs) if a.kind == "performance"} == {"warning", "error"}
    ended_ms = DAY_0 + (5 + FEW_BLOCKS) * DAY_MS
    assert ends(outputs) == {"features": (ended_ms, LOST), "performance": (ended_ms + HORIZON_MS, LOST)}


def test_an_alert_of_a_segment_ends_like_that_of_all_rows(compiled: CompiledModel, reference: Reference) -> None:
    days = [*healthy(3), *[Day(shift_a=0.9, segment="EWR")] * 3, *FADES[5:]]
    outputs = played(compiled, reference, days)
    assert ends(outputs, "origin=EWR")["features"] == (DAY_0 + (6 + FEW_BLOCKS) * DAY_MS, LOST)


def test_a_week_of_quiet_days_ends_nothing(compiled: CompiledModel, reference: Reference) -> None:
    outputs = played(compiled, reference, [*FADES[: 5 + FEW_BLOCKS - 1], *[HARM] * 2, *FADES[5:-2]], after=0)
    assert {a.status for a in alerts(outputs)} == {"firing"}
    assert len({a.alert_id for a in alerts(outputs)}) == 2


def test_what_comes_back_from_its_fields_ends_at_the_same_time(compiled: CompiledModel, reference: Reference) -> None:
    messages = world.play(FADES, compiled, after=3)
    first, second = (MonitorCore(0, world.catalog_of(compiled, reference)) for _ in range(2))
    outputs = world.run(first, world.in_order(messages[:9]))
    second.load({field: value for field, value in first.dirty_fields().items() if value is not None})
    outputs += world.run(second, world.in_order(messages[9:]))
    assert ends(outputs) == ends(played(compiled, reference, FADES))


def test_blocks_of_too_few_rows_count_in_a_row() -> None:
    memory = ScopeMemory()
    memory.subject("a").latched = memory.subject("b").latched = True
    assert [memory.count_few("a", 3) for _ in range(2)] == [False, False]
    memory.subject("a").few = 0
    assert [memory.count_few("a", 3) for _ in range(4)] == [False, False, True, True]
    assert not memory.subject("a").latched
    assert memory.subject("b").latched


@pytest.mark.parametrize(("length_ms", "blocks"), [(HOUR_MS, 240), (DAY_MS, 10), (7 * DAY_MS, 10)])
def test_no_alert_ends_within_ten_days_or_ten_blocks(length_ms: int, blocks: int) -> None:
    assert most_few(length_ms) == blocks
