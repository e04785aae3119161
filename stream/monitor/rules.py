"""What a definition asks to be judged, worked out once: which windows, from which effect on, how loud."""

from collections.abc import Iterator
from dataclasses import dataclass

from detectors.metrics import Metric, metric_for, metric_names
from stream.model.compiled import SCORE, CompiledModel
from stream.timeline.durations import parse_duration, parse_ratio
from tidegauge.alerts import AlertKind, Severity
from tidegauge.definition import (
    CalibrationMonitor,
    CoverageMonitor,
    Definition,
    DriftMonitor,
    ErrorsMonitor,
    LatencyMonitor,
    Monitor,
    PerformanceMonitor,
    TrafficMonitor,
)

DEFAULT_EFFECT = 0.1
"""Smallest effect that counts: .1 is the convention for PSI, and a tenth of a standard deviation for Wasserstein."""


@dataclass(frozen=True)
class DriftRule:
    """How one subject is judged; `method` names the effect size that must reach `min_effect`."""

    subject: str
    kind: AlertKind
    severity: Severity
    method: str
    min_effect: float
    for_windows: int
    windows: tuple[str, ...]


@dataclass(frozen=True)
class OutcomeRule:
    """How one metric is judged. `age_ms` None: the first rung at which the reference had 95 % of its labels."""

    metric: Metric
    kind: AlertKind
    drop: float | None
    age_ms: int | None
    for_windows: int
    windows: tuple[str, ...]


@dataclass(frozen=True)
class BudgetRule:
    """Share of bad requests against a budget; without windows, burn rates over paired ones."""

    kind: AlertKind
    budget: float
    windows: tuple[str, ...]


COVERAGE = Metric("coverage", "binary", higher_is_better=True, min_drop=0.05, low=0, high=1)
"""Not a metric of performance, but judged like one."""


class Rules:
    """The rules of one compiled model."""

    def __init__(self, compiled: CompiledModel) -> None:
        self.compiled = compiled
        definition = compiled.definition
        self.drift = {rule.subject: rule for rule in reversed(list(_drift_rules(compiled)))}
        self.outcomes = tuple(_outcome_rules(definition))
        self.budgets = tuple(_budget_rules(definition))
        self.traffic_windows = tuple(_windows_of(definition, TrafficMonitor))

    @property
    def service_windows(self) -> tuple[str, ...]:
        """Windows of service reports: those that traffic or a budget names, else the definition's."""
        named = [window for rule in self.budgets for window in rule.windows]
        return tuple(dict.fromkeys((*(self.traffic_windows or self.compiled.definition.windows), *named)))


def _windows_of(definition: Definition, kind: type[Monitor]) -> Iterator[str]:
    for monitor in definition.monitors:
        if isinstance(monitor, kind):
            yield from monitor.windows or definition.windows


def _drift_rules(compiled: CompiledModel) -> Iterator[DriftRule]:
    for monitor in compiled.definition.monitors:
        if isinstance(monitor, DriftMonitor):
            score = monitor.subject == "score"
            everything = (*compiled.numeric, *compiled.categorical)
            chosen = everything if isinstance(monitor.features, str) else tuple(monitor.features)
            for subject in (SCORE,) if score else chosen:
                yield DriftRule(
                    subject=subject,
                    kind="score" if score else "features",
                    severity="warning" if score else "info",
                    method=monitor.method,
                    min_effect=DEFAULT_EFFECT if monitor.min_effect is None else monitor.min_effect,
                    for_windows=monitor.for_windows,
                    windows=tuple(monitor.windows or compiled.definition.windows),
                )


def _outcome_rules(definition: Definition) -> Iterator[OutcomeRule]:
    """Yield the outcome rules: without a task labels have coverage, but no metric; only P(positive) is calibrated."""
    for monitor in definition.monitors:
        if isinstance(monitor, PerformanceMonitor) and metric_names(definition.task):
            metric = metric_for(monitor.metric, definition.task)
            yield _outcome_rule(definition, metric, "performance", monitor, monitor.drop)
        elif isinstance(monitor, CalibrationMonitor) and definition.task == "binary":
            metric = metric_for("calibration", "binary")
            yield _outcome_rule(definition, metric, "calibration", monitor, monitor.min_effect)
        elif isinstance(monitor, CoverageMonitor):
            yield _outcome_rule(definition, COVERAGE, "coverage", monitor, monitor.min_effect)


def _outcome_rule(
    definition: Definition,
    metric: Metric,
    kind: AlertKind,
    monitor: PerformanceMonitor | CalibrationMonitor | CoverageMonitor,
    drop: float | None,
) -> OutcomeRule:
    return OutcomeRule(
        metric=metric,
        kind=kind,
        drop=drop,
        age_ms=None if monitor.age is None else parse_duration(monitor.age),
        for_windows=1 if isinstance(monitor, CoverageMonitor) else monitor.for_windows,
        windows=tuple(monitor.windows or definition.windows),
    )


def _budget_rules(definition: Definition) -> Iterator[BudgetRule]:
    for monitor in definition.monitors:
        if isinstance(monitor, LatencyMonitor | ErrorsMonitor):
            kind: AlertKind = "latency" if isinstance(monitor, LatencyMonitor) else "errors"
            yield BudgetRule(kind, parse_ratio(monitor.budget), tuple(monitor.windows))
