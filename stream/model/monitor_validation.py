"""Checks of `monitors`: names that exist, numbers in range, windows and ages that are kept."""

import math
from collections.abc import Iterator

from detectors.metrics import metric_for
from stream.model.checks import positive_duration, problem_of, window_problems
from stream.model.problems import Problem, nearest
from stream.timeline.durations import format_duration, parse_duration, parse_ratio
from tidegauge.definition import (
    CalibrationMonitor,
    CoverageMonitor,
    Definition,
    DriftMonitor,
    ErrorsMonitor,
    LatencyMonitor,
    Monitor,
    PerformanceMonitor,
)

MAX_MONITORS = 64

AgedMonitor = PerformanceMonitor | CalibrationMonitor | CoverageMonitor


def monitor_problems(definition: Definition) -> list[Problem]:
    """Return everything that is wrong with a definition's monitors."""
    if len(definition.monitors) > MAX_MONITORS:
        return [Problem("monitors", f"{len(definition.monitors)} monitors; at most {MAX_MONITORS}")]
    problems = list(_slos(definition))
    for index, monitor in enumerate(definition.monitors):
        kind = str(monitor.__struct_config__.tag)
        problems.extend(_problems(f"monitors[{index}].{kind}", monitor, definition))
    return problems


def _problems(key: str, monitor: Monitor, definition: Definition) -> Iterator[Problem]:
    yield from window_problems(f"{key}.windows", monitor.windows, definition.timezone)
    if isinstance(monitor, DriftMonitor):
        yield from _drift(key, monitor, definition)
    elif isinstance(monitor, AgedMonitor):
        yield from _aged(key, monitor, definition)
    elif isinstance(monitor, LatencyMonitor | ErrorsMonitor):
        yield from problem_of(f"{key}.budget", parse_ratio, monitor.budget)
    if isinstance(monitor, LatencyMonitor):
        yield from problem_of(f"{key}.slo", positive_duration, monitor.slo)
    if isinstance(monitor, DriftMonitor | PerformanceMonitor | CalibrationMonitor) and monitor.for_windows < 1:
        yield Problem(f"{key}.for", f"{monitor.for_windows}: expected at least 1 window")


def _drift(key: str, monitor: DriftMonitor, definition: Definition) -> Iterator[Problem]:
    yield from _effect(key, monitor.min_effect)
    if isinstance(monitor.features, str) or not definition.features:
        return
    for index, name in enumerate(monitor.features):
        if name not in definition.features:
            hint = nearest(name, definition.features)
            yield Problem(f"{key}.features[{index}]", f"{name!r} is not among the features{hint}")


def _aged(key: str, monitor: AgedMonitor, definition: Definition) -> Iterator[Problem]:
    if isinstance(monitor, PerformanceMonitor):
        if monitor.metric != "auto":
            yield from problem_of(f"{key}.metric", metric_for, monitor.metric, definition.task)
        if monitor.drop is not None and not 0 < monitor.drop < math.inf:
            yield Problem(f"{key}.drop", f"{monitor.drop}: expected a number above 0")
    else:
        yield from _effect(key, monitor.min_effect)
    if monitor.age is not None:
        yield from _age(f"{key}.age", monitor.age, definition)


def _effect(key: str, least: float | None) -> Iterator[Problem]:
    """Take no infinity (`.inf`, to never alert): the log's JSON has none, and would hold the default in its place."""
    if least is not None and not 0 <= least < math.inf:
        yield Problem(f"{key}.min_effect", f"{least}: expected a number of 0 or more")


def _age(key: str, age: str, definition: Definition) -> Iterator[Problem]:
    """Outcomes are kept at the declared ages only, so no other can be judged."""
    horizon_ms = parse_duration(definition.label_horizon)
    ages_ms = {parse_duration(text) for text in definition.label_ages}
    kept_ms = {horizon_ms, *(age_ms for age_ms in ages_ms if age_ms < horizon_ms)}
    try:
        known = parse_duration(age) in kept_ms
    except ValueError as error:
        yield Problem(key, str(error))
        return
    if not known:
        expected = ", ".join(map(format_duration, sorted(kept_ms)))
        yield Problem(key, f"{age!r}: expected one of the label ages below the horizon, or the horizon: {expected}")


def _slos(definition: Definition) -> Iterator[Problem]:
    """Slow requests are counted as they come, so one model has one limit."""
    slos = {monitor.slo for monitor in definition.monitors if isinstance(monitor, LatencyMonitor)}
    if len(slos) > 1:
        yield Problem("monitors", f"latency monitors with different slo ({', '.join(sorted(slos))}): expected one")
