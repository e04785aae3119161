"""What windows of every length are compared with: the same time of the week, where the reference covers three."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.monitor.config import MonitorConfig
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import ScopeMemory
from stream.monitor.service_judge import TrafficView, judge_traffic
from stream.reference.build import build_reference
from stream.reference.table import ReferenceTable
from stream.timeline.durations import DAY_MS, MS_PER_UNIT
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Window
from tidegauge.definition import Definition, ReferenceSpec, TrafficMonitor

MONDAY = 1_704_067_200_000  # 2024-01-01 00:00 UTC
HOUR_MS = MS_PER_UNIT["h"]
TENTH_MS = HOUR_MS // 6


def stamps(start_ms: int, days: int, timezone: str = "UTC") -> NDArray[np.int64]:
    """Return timestamps, ten minutes by ten minutes: up to ten times as many by day as at night, by local time."""
    rng = np.random.default_rng(start_ms % 97)
    opens = start_ms + TENTH_MS * np.arange(days * 144)
    zone = ZoneInfo(timezone)
    hours = np.array([dt.datetime.fromtimestamp(t / 1000, tz=zone).hour for t in opens.tolist()])
    level = 10 * (1.2 + np.sin((hours - 9) / 12 * np.pi)) * np.exp(rng.normal(0, 0.15, len(opens)))
    found: NDArray[np.int64] = np.sort(np.repeat(opens, rng.poisson(level)) + TENTH_MS // 2)
    return found


def judged(windows: list[str], start_ms: int, days: int, timezone: str = "UTC") -> tuple[ModelJudges, TrafficView]:
    """Return judges, and the traffic of the longest of the windows, with a reference of so many days."""
    spec = ReferenceSpec(file="healthy.parquet")
    monitors = [TrafficMonitor(windows=windows)]
    definition = Definition(
        model="m", task="score", reference=spec, windows=windows, monitors=monitors, timezone=timezone
    )
    times = stamps(start_ms, days, timezone)
    ids, scores = [str(number) for number in range(len(times))], np.full(len(times), 0.5)
    table = ReferenceTable(source="s", timestamps_ms=times, ids=ids, predictions=list(scores))
    built = build_reference(definition, table, held_out=True)
    judges = ModelJudges(built.compiled(), built.reference, MonitorConfig())
    view = judges.traffic("", WindowScheme(windows[-1], timezone))
    assert view is not None
    return judges, view


def episodes(judges: ModelJudges, view: TrafficView, windows: list[Window], live: NDArray[np.int64]) -> tuple[int, int]:
    """Return how many windows were judged, and how many began an alert."""
    memory, known, began, before = ScopeMemory(), 0, 0, False
    for window in windows:
        rows = int(np.searchsorted(live, window.end_ms) - np.searchsorted(live, window.start_ms))
        band, firing = judge_traffic(memory, view, judges.budget, rows, window)
        known, began, before = known + (band is not None), began + (bool(firing) and not before), bool(firing)
    return known, began


@pytest.mark.parametrize(("length", "days", "season"), [("10m", 4, None), ("1h", 20, None), ("1h", 21, "1w")])
def test_a_week_is_known_after_three_weeks_and_not_after_so_many_blocks(
    length: str, days: int, season: str | None
) -> None:
    judges, view = judged([length], MONDAY - days * DAY_MS, days)
    assert view.season == season
    windows = WindowScheme(length).blocks(MONDAY, MONDAY + 7 * DAY_MS)
    assert episodes(judges, view, windows, stamps(MONDAY, 7)) == (len(windows), 0)


@pytest.mark.parametrize("length", ["2h", "6h", "12h"])
def test_an_outage_of_several_hours_is_seen_after_four_weeks(length: str) -> None:
    judges, view = judged([length], MONDAY - 28 * DAY_MS, 28)
    assert view.season == "1w"
    windows = WindowScheme(length).blocks(MONDAY, MONDAY + 7 * DAY_MS)
    live = stamps(MONDAY, 7)
    assert episodes(judges, view, windows, live) == (len(windows), 0)
    day = (MONDAY + 2 * DAY_MS + 12 * HOUR_MS, MONDAY + 3 * DAY_MS)
    assert episodes(judges, view, windows, live[(live < day[0]) | (live >= day[1])])[1] == 1


def test_a_window_between_two_blocks_is_compared_with_its_own_hours() -> None:
    judges, view = judged(["1h", "6h"], MONDAY - 28 * DAY_MS, 28)
    windows = [w for w in WindowScheme("6h").closes(MONDAY, MONDAY + 7 * DAY_MS) if w.start_ms >= MONDAY]
    live = stamps(MONDAY, 7)
    assert episodes(judges, view, windows, live) == (len(windows), 0)
    assert len(windows) == 163
    at_one = next(w for w in windows if w.end_ms == MONDAY + DAY_MS + 13 * HOUR_MS)
    assert episodes(judges, view, [at_one], live[:0]) == (1, 1)


@pytest.mark.parametrize("timezone", ["Europe/London", "America/New_York", "Asia/Kolkata"])
def test_summer_time_does_not_move_a_window_to_other_hours(timezone: str) -> None:
    february, july = MONDAY + 35 * DAY_MS, MONDAY + 182 * DAY_MS
    judges, view = judged(["6h"], february, 28, timezone)
    windows = WindowScheme("6h", timezone).blocks(july, july + 7 * DAY_MS)
    live = stamps(july, 7, timezone)
    assert episodes(judges, view, windows, live)[0] == len(windows) == 28
    expected = np.array([band.expected for w in windows if (band := view.band(w.end_ms, 1e-3))])
    rows = np.array([np.searchsorted(live, w.end_ms) - np.searchsorted(live, w.start_ms) for w in windows])
    assert np.abs(rows / expected - 1).max() < 0.75  # an hour of 6; where slots slip, 5 of 6 hours are others'


def test_a_reference_without_the_segment_knows_nothing() -> None:
    judges, view = judged(["6h"], MONDAY - 28 * DAY_MS, 28)
    assert judges.index is not None
    other = TrafficView(judges.index, view.scheme, "origin=EWR")
    assert other.band(MONDAY + 6 * HOUR_MS, 1e-3) is None
