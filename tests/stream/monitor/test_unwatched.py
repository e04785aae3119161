"""What a revision of the definition no longer watches ends: nobody would ever find it quiet again."""

import random
from collections.abc import Sequence

import msgspec
import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, CompiledModel
from stream.monitor.core import MonitorCore
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS, Day, changed
from tidegauge.alerts import Alert
from tidegauge.definition import (
    CoverageMonitor,
    DriftMonitor,
    ErrorsMonitor,
    LatencyMonitor,
    Monitor,
    PerformanceMonitor,
)

NOON_MS = DAY_0 + 2 * DAY_MS + DAY_MS // 2
DRIFT = DriftMonitor()
BOTH, SHORT = ["4h", "12h"], ["4h"]
DAYS = [Day(rows=2400)] * 5


def revision(*monitors: Monitor, from_ms: int = ALWAYS_MS, horizon: str = "6h") -> CompiledModel:
    definition = msgspec.structs.replace(
        world.DEFINITION, monitors=list(monitors), windows=BOTH, label_horizon=horizon, label_ages=[]
    )
    return compile_model(definition, world.grids(), effective_from_ms=from_ms)


def told(messages: world.Messages, *revisions: CompiledModel, every: int = 2 * world.SHARDS) -> list[Alert]:
    catalog = Catalog()
    for one in revisions:
        catalog = catalog.with_revision(one)
    catalog = catalog.with_reference(world.reference(revisions[0], days=10), ALWAYS_MS)
    return world.alerts(world.run(MonitorCore(0, catalog), world.in_order(messages), every=every))


def last_status(alerts: Sequence[Alert], kind: str) -> dict[str, str]:
    """Return how each episode of a kind stands at the end."""
    return {alert.alert_id: alert.status for alert in alerts if alert.kind == kind}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("features", revision(DriftMonitor(windows=BOTH)), revision(DriftMonitor(windows=SHORT), from_ms=NOON_MS)),
        (
            "performance",
            revision(PerformanceMonitor(windows=BOTH), CoverageMonitor(windows=BOTH)),
            revision(PerformanceMonitor(windows=SHORT), CoverageMonitor(windows=BOTH), from_ms=NOON_MS),
        ),
        (
            "performance",
            revision(PerformanceMonitor(windows=SHORT), horizon="1d"),
            revision(PerformanceMonitor(windows=SHORT), horizon="12h", from_ms=NOON_MS),
        ),
        ("performance", revision(DRIFT, PerformanceMonitor()), revision(DRIFT, from_ms=NOON_MS)),
        ("errors", revision(ErrorsMonitor()), revision(ErrorsMonitor(windows=SHORT), from_ms=NOON_MS)),
        ("errors", revision(ErrorsMonitor(windows=SHORT)), revision(ErrorsMonitor(), from_ms=NOON_MS)),
    ],
    ids=["window", "window that coverage keeps", "label age", "family", "burn rates", "named windows"],
)
def test_an_alert_ends_with_the_scope_it_was_found_in(kind: str, before: CompiledModel, after: CompiledModel) -> None:
    messages = world.play(changed(DAYS, range(1, 3), shift_a=2.0, flip=0.9, failed=0.3), before)
    begun = [a for a in told(messages, before, after) if a.kind == kind]
    assert any(alert.status == "firing" and alert.decided_at_ms <= NOON_MS for alert in begun)
    assert set(last_status(begun, kind).values()) == {"resolved"}


def test_outcomes_end_where_no_label_age_falls_behind_the_change() -> None:
    """Windows of days and labels of an hour: after noon nothing of the definition before is left to decide."""
    before = revision(DriftMonitor(windows=["1d"]), PerformanceMonitor(windows=["1d"]), horizon="1h")
    after = revision(DriftMonitor(windows=["1d"]), from_ms=NOON_MS)
    alerts = told(world.play(changed(DAYS[:4], range(1, 3), flip=0.9), before), before, after)
    ends = [(a.status, a.decided_at_ms) for a in alerts if a.kind == "performance" and not a.segment]
    assert ends[-1] == ("resolved", DAY_0 + 3 * DAY_MS)


def test_labels_that_lag_behind_a_change_find_the_same() -> None:
    """Inputs are decided beyond the change while outcomes before it are still to come."""
    before = revision(DRIFT, PerformanceMonitor())
    after = revision(DRIFT, from_ms=NOON_MS)
    days = changed(DAYS[:4], range(1, 3), flip=0.9)
    expected = [a for a in told(world.play(days, before), before, after) if a.kind == "performance"]
    lagging = told(world.play(days, before, lag=random.Random(1)), before, after)
    assert expected
    assert [a for a in lagging if a.kind == "performance"] == expected
    assert all(a.decided_at_ms <= NOON_MS + 6 * HOUR_MS for a in expected)


@pytest.mark.parametrize("every", [1, 10_000])
def test_burn_rates_go_by_the_revision_in_force(every: int) -> None:
    """Dropped at noon, declared again a day later: it was announced long before, and nothing is told of that day."""
    first = revision(ErrorsMonitor())
    dropped = revision(LatencyMonitor(), from_ms=NOON_MS)
    again = revision(ErrorsMonitor(), from_ms=NOON_MS + DAY_MS)
    messages = world.play(changed([Day(rows=4800)] * 5, range(1, 5), failed=0.3), first)
    errors = [a for a in told(messages, first, dropped, again, every=every) if a.kind == "errors" and not a.segment]
    begun, ended, anew, *rest = [(a.status, a.decided_at_ms) for a in errors if a.seq == 1 or a.status == "resolved"]
    assert DAY_0 + DAY_MS < begun[1] < DAY_0 + 2 * DAY_MS
    assert begun[0] == anew[0] == "firing"
    assert ended == ("resolved", NOON_MS + 40 * 60_000), "the next closing of a window of four hours"
    assert NOON_MS + DAY_MS < anew[1] <= NOON_MS + DAY_MS + HOUR_MS
    assert [status for status, _ in rest] == ["resolved"]
    assert [a.decided_at_ms for a in errors] == sorted(a.decided_at_ms for a in errors)
