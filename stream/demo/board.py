"""What the live table knows: the newest report of each part of each model and segment, and the alerts so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from stream.demo.months import Month, add_report
from tidegauge.alerts import Alert
from tidegauge.reports import DriftResult, MetricResult, Report


@dataclass
class Row:
    """The newest daily reports of one model and segment."""

    inputs: Report | None = None
    service: Report | None = None
    outcome: Report | None = None

    @property
    def strongest(self) -> DriftResult | None:
        """The feature (or score) that is furthest in proportion to its limit."""
        drifts = self.inputs.drift if self.inputs else []
        return max(drifts, key=strength, default=None)

    def metric(self, name: str) -> MetricResult | None:
        """One metric of the newest judged outcome."""
        found = self.outcome.metrics if self.outcome else []
        return next((metric for metric in found if metric.metric == name), None)


def strength(drift: DriftResult) -> float:
    """How close a subject is to firing: 1.0 at the limit of its nearest detector."""
    ratios = [0.0]
    if drift.cusum is not None and drift.cusum_limit:
        ratios.append(drift.cusum / drift.cusum_limit)
    if drift.statistic is not None and drift.critical:
        ratios.append(drift.statistic / drift.critical)
    return max(ratios)


@dataclass
class Board:
    """State behind the screen; `apply_*` are its only writers."""

    horizon_ms: int
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    firing: dict[str, Alert] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    months: dict[tuple[str, int], Month] = field(default_factory=dict)

    def apply_report(self, report: Report) -> None:
        """Keep a daily report when it is the newest of its part (outcomes: at the horizon)."""
        add_report(self.months, report)
        if report.window.length != "1d" or (report.part == "outcome" and report.age_ms != self.horizon_ms):
            return
        row = self.rows.setdefault((report.model, report.segment), Row())
        before: Report | None = getattr(row, report.part)
        if before is None or before.window.end_ms <= report.window.end_ms:
            setattr(row, report.part, report)

    def apply_alert(self, alert: Alert) -> None:
        """Keep a transition; an alert that resolved leaves the list of those that fire."""
        self.alerts.append(alert)
        if alert.status == "firing":
            self.firing[alert.alert_id] = alert
        else:
            self.firing.pop(alert.alert_id, None)

    def state(self, model: str, segment: str) -> str:
        """Return the worst severity firing for a model and segment, or "ok"."""
        order = ("info", "warning", "error", "critical")
        found = [a.severity for a in self.firing.values() if (a.model, a.segment) == (model, segment)]
        return max(found, key=order.index, default="ok")


def by_alert(alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
    """Transitions of each alert, in order of arrival."""
    grouped: dict[str, list[Alert]] = {}
    for alert in alerts:
        grouped.setdefault(alert.alert_id, []).append(alert)
    return grouped
