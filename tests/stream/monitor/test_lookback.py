"""How far back a model's log is needed to go on from what was decided."""

import msgspec

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.monitor.lookback import needed_from_ms
from stream.monitor.schedule import Progress
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS
from tidegauge.definition import DriftMonitor, LatencyMonitor, PerformanceMonitor

FIRST = {"inputs": DAY_0, "service": DAY_0}


def model(*monitors: DriftMonitor | PerformanceMonitor | LatencyMonitor, windows: list[str]) -> CompiledModel:
    definition = msgspec.structs.replace(
        world.DEFINITION, monitors=list(monitors), windows=windows, label_horizon="2d", label_ages=[]
    )
    return world.compiled_model(definition)


def needed(compiled: CompiledModel, progress: Progress) -> float | None:
    """Return the day, counted from the first."""
    found = needed_from_ms(Catalog().with_revision(compiled), "m", progress, HOUR_MS)
    return None if found is None else (found - DAY_0) / DAY_MS


def test_a_model_never_decided_needs_its_first_pane() -> None:
    compiled = model(DriftMonitor(), windows=["1d"])
    assert needed(compiled, Progress(first_ms=FIRST)) == 0
    assert needed(compiled, Progress()) is None


def test_label_horizon_and_longest_window_before_the_last_decision() -> None:
    compiled = model(DriftMonitor(), PerformanceMonitor(windows=["7d"]), windows=["7d"])
    day_30 = DAY_0 + 30 * DAY_MS
    decided = {"0 7d 0": day_30, "1 7d 0": day_30, "2 7d 3600000": day_30, "3 7d 172800000": day_30 - 2 * DAY_MS}
    progress = Progress(first_ms=FIRST, decided_ms=decided, burned_ms=day_30)
    # The next window of outcomes closes on day 29 and is judged on day 31.
    assert needed(compiled, progress) == 29 - 7


def test_windows_of_a_day_are_seen_with_the_six_before() -> None:
    compiled = model(PerformanceMonitor(windows=["1d"]), windows=["1d"])
    day_30 = DAY_0 + 30 * DAY_MS
    decided = {"0 1d 0": day_30, "1 1d 0": day_30, "2 1d 3600000": day_30, "3 1d 172800000": day_30 - 2 * DAY_MS}
    assert needed(compiled, Progress(first_ms=FIRST, decided_ms=decided, burned_ms=day_30)) == 29 - 7


def test_burn_rates_look_back_six_hours() -> None:
    compiled = model(LatencyMonitor(), windows=["1h"])
    day_30 = DAY_0 + 30 * DAY_MS
    decided = {f"{family} {length} {delay}": day_30 for family, length, delay in (
        (0, "1h", 0), (1, "1h", 0), (1, "5m", 0), (1, "6h", 0), (1, "30m", 0), (2, "1h", HOUR_MS),
    )}  # fmt: skip
    assert needed(compiled, Progress(first_ms=FIRST, decided_ms=decided, burned_ms=day_30)) == 30 - 0.25
