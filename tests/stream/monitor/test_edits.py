"""What an edit of the definition makes of the windows it falls into."""

import msgspec
import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, SCORE, CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.fitting import counted_from_ms
from stream.monitor.schedule import Due, Family
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import WindowScheme
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, SHARDS, Day, Messages, changed
from tidegauge.definition import (
    DriftMonitor,
    FalseAlarms,
    FeatureGrid,
    LatencyMonitor,
    NumericGrid,
    PerformanceMonitor,
    TrafficMonitor,
)

NOON_MS = DAY_0 + 2 * DAY_MS + DAY_MS // 2
GIVEN = msgspec.structs.replace(
    world.DEFINITION,
    monitors=[DriftMonitor(features=["a"]), PerformanceMonitor(metric="log_loss"), TrafficMonitor()],
    windows=["1d"],
    segments=[],
    label_ages=["6h"],
)


def edited(from_ms: int = NOON_MS, grids: dict[str, FeatureGrid] | None = None, **edit: object) -> CompiledModel:
    definition = msgspec.structs.replace(GIVEN, **edit)
    return compile_model(definition, {**world.grids(), **(grids or {})}, effective_from_ms=from_ms)


@pytest.fixture(scope="module")
def first() -> CompiledModel:
    return edited(ALWAYS_MS)


@pytest.fixture(scope="module")
def reference(first: CompiledModel) -> Reference:
    return world.reference(first)


@pytest.fixture(scope="module")
def messages(first: CompiledModel) -> Messages:
    days = changed([Day(rows=1200)] * 4, range(2, 3), flip=0.6, shift_a=3.0, rows=300)
    return world.play(days, first, after=1)


@pytest.mark.parametrize(
    "edit", [{"runbook_url": "https://new.example"}, {"segments": ["origin"]}], ids=["runbook", "segment"]
)
def test_an_edit_of_what_is_not_counted_voids_no_window(
    first: CompiledModel, reference: Reference, messages: Messages, edit: dict[str, object]
) -> None:
    """It falls into a bad day; two in a row are one stretch."""

    def told(catalog: Catalog) -> list[tuple[str, str, int]]:
        outputs = world.run(MonitorCore(0, catalog), world.in_order(messages), every=2 * SHARDS)
        return [(a.kind, a.status, a.decided_at_ms) for a in world.alerts(outputs)]

    catalog = world.catalog_of(first, reference)
    expected = told(catalog)
    assert {kind for kind, *_ in expected} == {"features", "performance", "traffic"}
    again = edited(NOON_MS + 1, **{**edit, "runbook_url": "https://newer.example"})
    assert told(catalog.with_revision(edited(**edit)).with_revision(again)) == expected


OTHER_GRID: dict[str, FeatureGrid] = {SCORE: NumericGrid([0.25, 0.5, 0.75])}
SLOW = [*GIVEN.monitors, LatencyMonitor(slo="2s", windows=["1d"])]


@pytest.mark.parametrize(
    ("edit", "voided"),
    [
        ({"runbook_url": "https://new.example"}, set()),
        ({"false_alarms": FalseAlarms(page="1/7d")}, set()),
        ({"monitors": GIVEN.monitors[1:]}, set()),
        ({"segments": ["origin"]}, {"origin=JFK"}),
        ({"grids": OTHER_GRID}, {Family.INPUTS}),
        ({"positive": "on time"}, {Family.INPUTS, Family.OUTCOME}),
        ({"label_ages": ["1h"]}, {Family.OUTCOME}),
        ({"monitors": SLOW}, {Family.SERVICE}),
        ({"timezone": "Europe/Berlin"}, {Family.INPUTS, Family.SERVICE, Family.OUTCOME}),
        ({"windows": ["2d"]}, {Family.INPUTS, Family.SERVICE, Family.OUTCOME}),
    ],
    ids=["runbook", "budget", "rules", "segment", "grid", "positive", "label ages", "limit", "timezone", "windows"],
)
def test_an_edit_of_what_is_counted_voids_the_windows_it_falls_into(
    first: CompiledModel, edit: dict[str, object], voided: set[object]
) -> None:
    after = edited(**edit)
    catalog = Catalog().with_revision(first).with_revision(after)
    [length] = after.definition.windows
    scheme = WindowScheme(length, after.definition.timezone)
    window = scheme.window(scheme.next_close(NOON_MS))

    def since(family: Family, attribute: str = "") -> int:
        return counted_from_ms(catalog, Due(window.end_ms, family, after, scheme, window), attribute)

    found: set[object] = {family for family in (Family.INPUTS, Family.SERVICE, Family.OUTCOME) if since(family) > DAY_0}
    if after.segments and since(Family.INPUTS, "origin") > DAY_0:
        found.add("origin=JFK")
    assert found == voided
