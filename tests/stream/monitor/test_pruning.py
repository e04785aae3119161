"""Forgetting: state stays as small as its windows need, and no answer depends on what was forgotten, or when."""

import random
from collections.abc import Sequence

import msgspec
import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, CompiledModel
from stream.model.reference import Reference
from stream.monitor import core as monitor_core
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import Output
from stream.monitor.pruning import kept_ms, service_kept_ms
from stream.monitor.rules import Rules
from stream.monitor.schedule import FOREVER_MS, Family, Progress, due_windows, watched_from
from stream.monitor.streams import parse_field_name
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import WindowScheme
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS, SHARDS, Messages
from tidegauge.definition import (
    Definition,
    DriftMonitor,
    ErrorsMonitor,
    LatencyMonitor,
    Monitor,
    PerformanceMonitor,
    ReferenceSpec,
)
from tidegauge.reports import Report

DAYS = world.changed(world.changed(world.healthy(5), range(2, 4), flip=0.9, shift_a=1.0), range(2, 4), late=0.05)
CHANGED_MS = DAY_0 + 2 * DAY_MS


def definition(*windows: str, horizon: str, ages: Sequence[str] = ()) -> Definition:
    return msgspec.structs.replace(
        world.DEFINITION,
        monitors=[DriftMonitor(), PerformanceMonitor()],
        windows=list(windows),
        label_horizon=horizon,
        label_ages=list(ages),
    )


SHORT = definition("4h", horizon="5h")
LONGER = definition("12h", horizon="5h")
MATURING = definition("4h", "12h", horizon="2d", ages=["5h"])
SLOW_LABELS = definition("4h", horizon="1d")


def compiled_at(given: Definition, effective_from_ms: int = ALWAYS_MS) -> CompiledModel:
    return compile_model(given, world.grids(), effective_from_ms=effective_from_ms)


@pytest.fixture(scope="module")
def yardstick() -> Reference:
    return world.reference(compiled_at(SHORT), days=10)


def catalog(yardstick: Reference, *revisions: CompiledModel) -> Catalog:
    found = Catalog()
    for revision in revisions:
        found = found.with_revision(revision)
    return found.with_reference(yardstick, ALWAYS_MS)


@pytest.mark.parametrize(
    ("before", "after"),
    [(SLOW_LABELS, None), (SHORT, LONGER), (MATURING, SHORT)],
    ids=["slow labels", "longer windows come", "labels mature for the definition before"],
)
def test_no_answer_depends_on_what_was_forgotten(
    before: Definition, after: Definition | None, yardstick: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compiled_at(before)
    revisions = [first] if after is None else [first, compiled_at(after, CHANGED_MS)]
    messages = world.play(DAYS, first, after=2)
    forgetful = world.run(MonitorCore(0, catalog(yardstick, *revisions)), world.in_order(messages))
    monkeypatch.setattr(monitor_core, "prune", lambda *_: None)
    told = world.run(MonitorCore(0, catalog(yardstick, *revisions)), world.in_order(messages))
    assert "features" in {alert.kind for alert in world.alerts(told)}
    assert forgetful == told


@pytest.mark.parametrize("learnt", [False, True], ids=["of a file", "learnt already"])
def test_panes_are_kept_as_long_as_windows_and_labels_need_them(yardstick: Reference, *, learnt: bool) -> None:
    spec = ReferenceSpec(learn="28d") if learnt else SHORT.reference
    compiled = compiled_at(msgspec.structs.replace(SHORT, reference=spec))
    core = MonitorCore(0, catalog(yardstick, compiled))
    held = held_by_day(core, world.play(DAYS, compiled, after=0))
    # Eight windows of four hours, five hours until the labels are in, an hour for late rows.
    assert kept_ms(compiled, HOUR_MS) == (8 * 4 + 5 + 1) * HOUR_MS
    for day, panes in enumerate(held[2:], 3):
        oldest_ms = DAY_0 + day * DAY_MS - kept_ms(compiled, HOUR_MS)
        assert min(end_ms for _, end_ms in panes) > oldest_ms
        assert any(start_ms <= oldest_ms for start_ms, _ in panes)


def test_labels_that_do_not_come_keep_their_panes(yardstick: Reference) -> None:
    compiled = compiled_at(SHORT)
    core = MonitorCore(0, catalog(yardstick, compiled))
    held = held_by_day(core, world.play(DAYS, compiled, after=0, lag=random.Random(1)))
    assert len(held[-1]) > len(held[1])


@pytest.mark.parametrize("length", ["4h", "12h", "1d"])
def test_service_is_told_and_ended_the_same_whatever_was_forgotten(
    length: str, yardstick: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of requests that fail, then do not, then are none; latencies are judged by burn rates."""
    service = [ErrorsMonitor(windows=[length]), LatencyMonitor(slo="500ms")]
    compiled = compiled_at(msgspec.structs.replace(world.DEFINITION, monitors=service, windows=["4h", "1d"]))
    days = world.changed(world.healthy(7), range(1, 3), failed=0.2, slow=0.3)
    messages = world.play(world.changed(days, range(4, 7), rows=0), compiled)

    def told() -> tuple[list[Output], int]:
        core = MonitorCore(0, catalog(yardstick, compiled))
        found = world.run(core, world.in_order(messages))
        some = [output for output in found if not (isinstance(output, Report) and output.n == 0)]
        fields = [name for name, value in core.dirty_fields().items() if value is not None]
        return some, sum(prefix == "s" for prefix, _ in map(parse_field_name, fields))

    forgetful, kept = told()
    monkeypatch.setattr(monitor_core, "prune", lambda *_: None)
    everything, all_of_it = told()
    ended = {(alert.kind, alert.status) for alert in world.alerts(forgetful)}
    assert ended >= {("errors", "firing"), ("errors", "resolved"), ("latency", "firing"), ("latency", "resolved")}
    assert forgetful == everything
    assert kept < all_of_it


@pytest.mark.parametrize(
    ("windows", "monitor", "days"),
    [(["1d"], LatencyMonitor(), 2), (["3d"], LatencyMonitor(), 4), (["4h"], ErrorsMonitor(windows=["3d"]), 4)],
)
def test_service_panes_are_kept_for_reports_and_budgets(windows: list[str], monitor: Monitor, days: int) -> None:
    """Latencies without windows of their own are judged by burn rates, of six hours, and reported by all the same."""
    given = msgspec.structs.replace(world.DEFINITION, monitors=[monitor], windows=windows)
    assert service_kept_ms(compiled_at(given)) == days * DAY_MS + HOUR_MS


def test_a_window_is_read_from_when_its_length_was_watched() -> None:
    at_ms = [ALWAYS_MS, DAY_0, DAY_0 + DAY_MS, DAY_0 + 2 * DAY_MS]
    lengths = [["4h"], ["1h"], ["1h", "4h"], ["4h"]]
    revisions = [compiled_at(definition(*w, horizon="5h"), ms) for w, ms in zip(lengths, at_ms, strict=True)]

    def since(index: int, length: str) -> int:
        return watched_from(revisions, index, Family.INPUTS, WindowScheme(length))

    assert since(0, "4h") == -FOREVER_MS
    assert since(1, "1h") == since(2, "1h") == DAY_0
    assert since(2, "4h") == since(3, "4h") == DAY_0 + DAY_MS


def test_what_came_before_a_length_was_watched_is_not_read() -> None:
    rules = [(compiled_at(SHORT), Rules(compiled_at(SHORT))), (compiled_at(LONGER, DAY_0), Rules(compiled_at(LONGER)))]
    progress = Progress(first_ms={"inputs": DAY_0 - DAY_MS})
    due = list(due_windows(rules, progress, DAY_0 + DAY_MS, DAY_0 + DAY_MS, HOUR_MS))
    longer = [item for item in due if item.scheme.length == "12h" and item.family in {Family.INPUTS, Family.OUTCOME}]
    assert min(item.window.start_ms for item in longer) < DAY_0
    assert all(item.seen.start_ms == max(item.window.start_ms, DAY_0) for item in longer)
    assert all(item.seen == item.window for item in due if item.scheme.length == "4h")


def held_by_day(core: MonitorCore, messages: Messages) -> list[list[tuple[int, int]]]:
    """Return start and end of the panes in state after each day."""
    stored: dict[bytes, bytes] = {}
    held = []
    for day in messages:
        world.run(core, (message for shard in day for message in shard), every=2 * SHARDS)
        for field, value in core.dirty_fields().items():
            stored.pop(field, None)
            if value is not None:
                stored[field] = value
        keys = [key for prefix, key in map(parse_field_name, stored) if prefix == "f"]
        held.append([(int(str(key[4])), int(str(key[5]))) for key in keys])
    return held


def test_another_retention_goes_on_where_the_last_one_stood() -> None:
    """Not at the first pane, which may lie a year back."""
    revision = (compiled_at(SHORT), Rules(compiled_at(SHORT)))
    progress = Progress(first_ms={"inputs": DAY_0 - 365 * DAY_MS})

    def late(retention_ms: int, predictions_ms: int) -> list[int]:
        due = due_windows([revision], progress, predictions_ms, predictions_ms, retention_ms)
        return [one.window.end_ms for one in due if one.family == Family.LATE]

    late(HOUR_MS, DAY_0 + HOUR_MS)
    assert late(2 * HOUR_MS, DAY_0 + 5 * HOUR_MS)[0] > DAY_0
    assert late(HOUR_MS, DAY_0 + 6 * HOUR_MS)[0] > DAY_0 + 3 * HOUR_MS
