"""Detectors of a version that is gone go too; one that comes back is judged the same whether or not they had."""

from collections.abc import Iterable

import msgspec
import pytest

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.memory import IDLE_MS, ScopeMemory
from stream.monitor.outputs import HistorySnapshot, Output
from stream.monitor.streams import parse_field_name
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import SHARDS, Day
from tidegauge.alerts import Window
from tidegauge.definition import DriftMonitor, ErrorsMonitor, LatencyMonitor, PerformanceMonitor

SILENT_DAYS = 120
WATCHED = [DriftMonitor(), PerformanceMonitor(), LatencyMonitor(windows=["1d"]), ErrorsMonitor()]
# v1 drifts slowly: its sum is half way up when v2 takes over. Long after, v1 comes back.
FIRST = [Day(rows=400, shift_a=0.2)] * 3 + [Day(rows=400, replaced=0.0, failed=0.2)]
SILENCE = [Day(rows=0)] * SILENT_DAYS


@pytest.fixture(scope="module")
def compiled() -> CompiledModel:
    definition = msgspec.structs.replace(
        world.DEFINITION, monitors=WATCHED, windows=["1d"], label_ages=[], segments=[], label_horizon="1d"
    )
    return world.compiled_model(definition)


@pytest.fixture(scope="module")
def reference(compiled: CompiledModel) -> Reference:
    return world.reference(compiled, days=12)


def detectors(fields: Iterable[bytes]) -> set[tuple[str, str]]:
    """Return prefix and version of the detectors among fields."""
    return {(prefix, str(key[1])) for prefix, key in map(parse_field_name, fields) if prefix in {"d", "b"}}


def test_what_is_gone_leaves_the_state_and_the_snapshots(compiled: CompiledModel, reference: Reference) -> None:
    core = MonitorCore(0, world.catalog_of(compiled, reference))
    days = world.play([*FIRST, *SILENCE], compiled, after=0)
    world.run(core, world.in_order(days[:4]), every=2 * SHARDS)
    before = core.dirty_fields()
    stored = {field for field, value in before.items() if value is not None}
    assert detectors(stored) == {("d", "v1"), ("d", "v2"), ("b", "v2")}
    world.run(core, world.in_order(days[4:]), every=2 * SHARDS)
    after = core.dirty_fields()
    gone = {field for field, value in after.items() if value is None}
    assert detectors(stored - gone) == set()
    snapshots = [output for _, output in core.pending() if isinstance(output, HistorySnapshot)]
    assert detectors(snapshots[3].fields) >= {("d", "v1")}
    assert detectors(snapshots[-1].fields) == set()


def decided(outputs: list[Output]) -> list[Output]:
    return [output for output in outputs if getattr(output, "n", 1)]


def test_a_version_that_comes_back_begins_anew_whether_or_not_it_was_forgotten(
    compiled: CompiledModel, reference: Reference
) -> None:
    days = world.play([*FIRST, *SILENCE, *[Day(rows=400, shift_a=0.2)] * 4], compiled)
    forgetful = MonitorCore(0, world.catalog_of(compiled, reference))
    at_once = MonitorCore(0, world.catalog_of(compiled, reference))
    expected = decided(world.run(forgetful, world.in_order(days), every=2 * SHARDS))
    assert decided(world.run(at_once, world.in_order(days), every=100_000)) == expected


def test_a_quarter_of_silence_is_bridged() -> None:
    memory = ScopeMemory(block_ms=0, empty=1)
    memory.subject("a")
    memory.wake(Window(length="1d", start_ms=92 * DAY_MS, end_ms=93 * DAY_MS))
    assert memory.subjects
    memory.wake(Window(length="1d", start_ms=IDLE_MS + 1, end_ms=IDLE_MS + DAY_MS))
    assert (memory.subjects, memory.empty) == ({}, 0)
