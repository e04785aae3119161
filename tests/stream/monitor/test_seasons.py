"""Windows are compared with blocks of their own phase: what follows the clock is no drift, and what does not is."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from stream.monitor.core import MonitorCore
from stream.monitor.outputs import Output
from stream.monitor.service_judge import TrafficBand, TrafficView
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.conftest import QUIET
from tests.stream.monitor.world import DAY_0, HOUR_MS, SHARDS, Day, Rows, changed
from tidegauge.alerts import Alert
from tidegauge.definition import DriftMonitor, Monitor, ReferenceSpec, TrafficMonitor
from tidegauge.reports import Report

Change = Callable[[Rows, int], None]


def played(
    days: Sequence[Day], length: str, season: str | None, monitors: Sequence[Monitor], weeks: int = 4
) -> list[Output]:
    definition = msgspec.structs.replace(
        world.DEFINITION,
        reference=ReferenceSpec(file="healthy.parquet", season=season),
        windows=[length],
        monitors=list(monitors),
        false_alarms=QUIET,
        segments=[],
    )
    compiled = world.compiled_model(definition)
    core = MonitorCore(0, world.catalog_of(compiled, world.reference(compiled, days=7 * weeks)))
    return world.run(core, world.in_order(world.play(days, compiled, after=0)), every=2 * SHARDS)


def let_every_day(monkeypatch: pytest.MonkeyPatch, change: Change, rows: int) -> None:
    """Let a change be made to the rows of every day, those of the reference too."""
    original = world.rows_of

    def rows_of(number: int, day: Day, seed: int = 0) -> Rows:
        made = original(number, replace(day, rows=rows), seed)
        change(made, number)
        return made

    monkeypatch.setattr(world, "rows_of", rows_of)


def warm_afternoons(rows: Rows, _number: int) -> None:
    hours = (rows.raw.timestamps_ms - DAY_0) % DAY_MS / HOUR_MS
    rows.raw.features["a"] = rows.raw.features["a"] - 1.5 * np.cos(2 * np.pi * hours / 24)


def other_weekends(rows: Rows, number: int) -> None:
    rows.raw.features["a"] = rows.raw.features["a"] + 1.5 * (number % 7 in {1, 2})


@pytest.mark.parametrize(
    ("length", "season", "change", "rows", "days"),
    [
        ("1h", "1d", warm_afternoons, 9600, 2),
        ("6h", "1d", warm_afternoons, 2400, 4),
        ("1d", "1w", other_weekends, 600, 6),
    ],
    ids=["hours", "blocks of a day", "weekdays"],
)
def test_what_follows_the_clock_is_no_drift(
    monkeypatch: pytest.MonkeyPatch, length: str, season: str, change: Change, rows: int, days: int
) -> None:
    let_every_day(monkeypatch, change, rows)
    outputs = played([Day()] * days, length, season, [DriftMonitor(features=["a"])])
    judged = [o for o in outputs if isinstance(o, Report) and o.part == "inputs" and o.state == "ok"]
    assert len(judged) >= 4 * days if length != "1d" else days
    assert not world.alerts(outputs)
    assert max(abs(effect) for report in judged for effect in report.drift[0].effects.values()) < 0.6


@pytest.mark.parametrize("first_hour", [0, 9])
def test_a_slow_shift_is_found_whenever_the_stream_begins(monkeypatch: pytest.MonkeyPatch, first_hour: int) -> None:
    """Sequential detectors take blocks: those that begin at nine are like none of the reference's."""

    def begin(rows: Rows, number: int) -> None:
        if number == 0:
            at_ms = rows.raw.timestamps_ms
            at_ms[:] = np.maximum(at_ms, DAY_0 + first_hour * HOUR_MS)

    let_every_day(monkeypatch, begin, 1200)
    outputs = played(changed([Day()] * 10, range(4, 10), shift_a=0.35), "6h", "1d", [DriftMonitor(features=["a"])])
    [alert] = [a for a in world.alerts(outputs) if a.seq == 1]
    assert (alert.kind, alert.detector) == ("features", "cusum")
    assert alert.decided_at_ms == DAY_0 + 6 * DAY_MS + DAY_MS // 2


def test_traffic_that_fires_goes_on_while_the_reference_does_not_know_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    original = TrafficView.band

    def band(self: TrafficView, end_ms: int, alpha: float) -> TrafficBand | None:
        return None if end_ms == DAY_0 + 4 * DAY_MS else original(self, end_ms, alpha)

    monkeypatch.setattr(TrafficView, "band", band)
    outputs = played(changed([Day()] * 7, range(2, 5), rows=300), "1d", None, [TrafficMonitor()])
    told = [(a.status, (a.decided_at_ms - DAY_0) // DAY_MS) for a in outputs if isinstance(a, Alert)]
    assert told == [("firing", 3), ("resolved", 6)]
