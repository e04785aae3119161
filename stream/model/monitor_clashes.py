"""Monitors of one definition that watch the same thing: they would share one memory and confuse each other."""

from collections.abc import Iterator

from detectors.metrics import metric_for, metric_names
from stream.model.problems import Problem
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

_SHOWN = 3


def clash_problems(definition: Definition) -> Iterator[Problem]:
    """Yield a problem for each monitor that watches what one before it does.

    Asked of what a person declares, not of what the log holds: what was accepted once stays in force.
    """
    before: list[tuple[str, set[str]]] = []
    for index, monitor in enumerate(definition.monitors):
        key = f"monitors[{index}].{monitor.__struct_config__.tag}"
        things = set(_things(monitor, definition))
        for other, known in before:
            shared = sorted(things & known)
            if shared:
                more = ", ..." if len(shared) > _SHOWN else ""
                what = ", ".join(shared[:_SHOWN]) + more
                yield Problem(key, f"watches what {other} does ({what}): expected one monitor of it")
                break
        before.append((key, things))


def _things(monitor: Monitor, definition: Definition) -> Iterator[str]:
    """Yield what has one memory: a subject, a metric or a budget in windows of one length.

    At the label horizon every outcome monitor judges, whatever its `age`; a subject has one rule for all its windows.
    """
    windows = monitor.windows or definition.windows
    match monitor:
        case DriftMonitor():
            yield from _subjects(monitor, definition)
        case PerformanceMonitor() if metric_names(definition.task):
            yield from _each(metric_for(monitor.metric, definition.task).name, windows)
        case CalibrationMonitor() if definition.task == "binary":
            yield from _each(metric_for("calibration", "binary").name, windows)
        case CoverageMonitor():
            yield from _each("coverage", windows)
        case LatencyMonitor():
            yield from _each("latency", monitor.windows or ["burn rates"])
        case ErrorsMonitor():
            yield from _each("errors", monitor.windows or ["burn rates"])


def _subjects(monitor: DriftMonitor, definition: Definition) -> Iterator[str]:
    if monitor.subject == "score":
        yield "score"
    elif isinstance(monitor.features, str):
        yield "all features"
        yield from (f"feature {name}" for name in _known(definition))
    else:
        yield from (f"feature {name}" for name in monitor.features)


def _known(definition: Definition) -> Iterator[str]:
    """Yield every feature that is declared, or named by a monitor: undeclared ones are found later."""
    yield from definition.features
    for monitor in definition.monitors:
        if isinstance(monitor, DriftMonitor) and not isinstance(monitor.features, str):
            yield from monitor.features


def _each(name: str, windows: list[str]) -> Iterator[str]:
    return (f"{name} over {length}" for length in windows)
