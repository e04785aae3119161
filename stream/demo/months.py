"""Month by month: what drifted, whether it did harm, and whether a retrained model would have been spared."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from stream.demo.hindsight import MonthlyLoss
from tidegauge.reports import Report

NEW_YORK = ZoneInfo("America/New_York")
SCORE = "score"
# The least harm that planner.yaml asks to be woken up for, nats of log loss.
HARM = 0.05


@dataclass
class Month:
    """Daily reports of one model's inputs in one month."""

    days: int = 0
    drift: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    feature_days: int = 0
    score_days: int = 0

    @property
    def strongest(self) -> tuple[str, float]:
        """The feature with the largest mean normalised Wasserstein distance, and that distance."""
        if not self.drift:
            return "-", 0.0
        name = max(sorted(self.drift), key=self.drift.__getitem__)
        return name, self.drift[name] / self.days


def add_report(months: dict[tuple[str, int], Month], report: Report) -> None:
    """Count one daily report of all rows."""
    if report.segment or report.part != "inputs" or report.window.length != "1d" or report.revision:
        return
    at = datetime.fromtimestamp(report.window.start_ms / 1000, UTC).astimezone(NEW_YORK)
    month = months.setdefault((report.model, at.month), Month())
    month.days += 1
    firing = {drift.subject for drift in report.drift if drift.state == "firing"}
    month.score_days += SCORE in firing
    month.feature_days += bool(firing - {SCORE})
    for drift in report.drift:
        if drift.subject != SCORE:
            month.drift[drift.subject] += drift.effects.get("wasserstein", 0.0)


def verdict(month: Month, loss: MonthlyLoss, healthy_loss: float) -> str:
    """Say in a few words what the numbers of a month mean; a month drifted when it did on most of its days."""
    score = 2 * month.score_days > month.days
    if loss.served <= healthy_loss + HARM:
        drifted = "score drift" if score else "feature drift" if 2 * month.feature_days > month.days else ""
        return f"{drifted} without harm" if drifted else "quiet"
    helped = loss.retrained < loss.served - HARM
    return f"harm {'with' if score else 'without'} score drift; retraining {'helps' if helped else 'does not help'}"


def month_rows(
    months: Mapping[tuple[str, int], Month], losses: Sequence[MonthlyLoss], model: str, healthy_loss: float
) -> list[tuple[str, ...]]:
    """Return the rows of the closing table."""
    rows: list[tuple[str, ...]] = []
    for loss in losses:
        month = months.get((model, loss.month), Month())
        name, distance = month.strongest
        rows.append((
            datetime(2013, loss.month, 1, tzinfo=UTC).strftime("%b"),
            f"{loss.n:,}",
            f"{loss.late_ratio:.0%}",
            f"{name} {distance:.1f}",
            f"{month.feature_days}/{month.days}",
            f"{month.score_days}/{month.days}",
            f"{loss.served:.2f}",
            f"{loss.retrained:.2f}",
            verdict(month, loss, healthy_loss),
        ))  # fmt: skip
    return rows
