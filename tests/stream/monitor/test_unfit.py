"""Once features were edited the old reference fits no more: what drifted by it ends, and is not told again."""

import msgspec
import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import CompiledModel
from stream.monitor.core import MonitorCore
from stream.monitor.evaluate_inputs import UNJUDGED
from stream.monitor.outputs import Output
from stream.monitor.streams import parse_field_name
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, Day, alerts, changed
from tidegauge.definition import DriftMonitor, NumericGrid, PerformanceMonitor
from tidegauge.reports import Report

EDITED = 6
"""The day from which rows are counted by another grid, as they are when a feature is added."""


def revision(*, season: str | None = None) -> CompiledModel:
    spec = msgspec.structs.replace(world.DEFINITION.reference, season=season)
    monitors = [DriftMonitor(features=["a"]), PerformanceMonitor(metric="log_loss")]
    return world.compiled_model(
        msgspec.structs.replace(world.DEFINITION, reference=spec, windows=["1d"], monitors=monitors, segments=[])
    )


@pytest.fixture(scope="module")
def before() -> CompiledModel:
    return revision()


@pytest.fixture(scope="module")
def edited(before: CompiledModel) -> CompiledModel:
    grids = {**world.grids(), "c": NumericGrid([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])}
    return compile_model(before.definition, grids, effective_from_ms=DAY_0 + EDITED * DAY_MS)


@pytest.fixture(scope="module")
def catalog(before: CompiledModel, edited: CompiledModel) -> Catalog:
    return world.catalog_of(before, world.reference(before, days=12)).with_revision(edited)


@pytest.fixture(scope="module")
def messages(before: CompiledModel, edited: CompiledModel) -> world.Messages:
    days = changed(changed([Day(rows=600)] * 16, range(2, 7), shift_a=3.0), range(11, 14), flip=0.5)
    return world.play_two(days, before, edited, EDITED)


def ended(outputs: list[Output]) -> list[tuple[int, str]]:
    return [(a.decided_at_ms, a.reason) for a in alerts(outputs, "features") if a.status == "resolved"]


def test_drift_that_nobody_can_judge_any_more_ends_and_says_why(catalog: Catalog, messages: world.Messages) -> None:
    outputs = world.run(MonitorCore(0, catalog), world.in_order(messages))
    assert ended(outputs) == [(DAY_0 + (EDITED + 1) * DAY_MS, UNJUDGED)]
    reports = [o for o in outputs if isinstance(o, Report) and o.part == "inputs"]
    later = {report.state for report in reports if report.window.end_ms > DAY_0 + EDITED * DAY_MS}
    assert later == {"uncalibrated"}
    losses = [alert for alert in alerts(outputs, "performance") if alert.status == "firing"]
    assert losses
    assert not any(alert.evidence for alert in losses), "what drifted before the edit is no evidence"


def test_state_that_does_not_know_its_layout_ends_it_too(catalog: Catalog, messages: world.Messages) -> None:
    first, second = MonitorCore(0, catalog), MonitorCore(0, catalog)
    outputs = world.run(first, world.in_order(messages[:EDITED]))
    assert not ended(outputs)
    fields = {field: value for field, value in first.dirty_fields().items() if value is not None}
    second.load({field: older(field, value) for field, value in fields.items()})
    outputs += world.run(second, world.in_order(messages[EDITED:]))
    assert ended(outputs) == [(DAY_0 + (EDITED + 1) * DAY_MS, UNJUDGED)]


def older(field: bytes, value: bytes) -> bytes:
    """Return a field as a release wrote it that did not note how rows were counted."""
    if parse_field_name(field)[0] != "d":
        return value
    scope = msgspec.msgpack.decode(value)
    assert scope.pop("layout")
    return msgspec.msgpack.encode(scope)


def test_a_season_for_which_there_are_too_few_blocks_ends_it_too(before: CompiledModel) -> None:
    seasonal = revision(season="1w")
    later = compile_model(seasonal.definition, world.grids(), effective_from_ms=DAY_0 + EDITED * DAY_MS)
    assert later.layouts == before.layouts
    catalog = world.catalog_of(before, world.reference(before, days=12)).with_revision(later)
    messages = world.play(changed([Day(rows=600)] * 9, range(2, 9), shift_a=3.0), before)
    outputs = world.run(MonitorCore(0, catalog), world.in_order(messages))
    assert ended(outputs) == [(DAY_0 + (EDITED + 1) * DAY_MS, UNJUDGED)]
