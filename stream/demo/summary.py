"""What the year held: printed when the demo ends."""

from collections.abc import Sequence

from rich.table import Table

from stream.demo.board import by_alert
from stream.demo.files import DemoFiles
from stream.demo.hindsight import MonthlyLoss
from stream.demo.screen import COLOURS, date
from tidegauge.alerts import Alert

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def episodes(alerts: Sequence[Alert], model: str) -> Table:
    """One line per alert on all rows of a model: when it fired, what, how bad, when it resolved."""
    table = Table("from", "to", "severity", "kind", "what decided", title=f"{model}: alerts on all flights",
                  title_justify="left")  # fmt: skip
    for transitions in sorted(by_alert(alerts).values(), key=lambda found: found[0].decided_at_ms):
        first, last = transitions[0], transitions[-1]
        if first.model != model or first.segment:
            continue
        worst = max(transitions, key=lambda alert: list(COLOURS).index(alert.severity))
        until = date(last.decided_at_ms) if last.status == "resolved" else "still firing"
        decided = f"{first.subject} {first.detector}"
        if first.value is not None and first.threshold is not None:
            sign = ">" if first.value >= first.threshold else "<"
            decided += f" {first.value:.2f} {sign} {first.threshold:.2f}"
        table.add_row(date(first.decided_at_ms), until, worst.severity, first.kind, decided,
                      style=COLOURS[worst.severity])  # fmt: skip
    return table


def losses_table(losses: Sequence[MonthlyLoss], model: str) -> Table:
    """Month by month: as served, and retrained weekly."""
    table = Table("month", "flights", "late", "log loss as served", "retrained weekly",
                  title=f"{model}: what retraining would have done", title_justify="left")  # fmt: skip
    for loss in losses:
        table.add_row(
            MONTHS[loss.month], f"{loss.n:,}", f"{loss.late_ratio:.0%}", f"{loss.served:.2f}", f"{loss.retrained:.2f}"
        )
    return table


def closing_words(files: DemoFiles) -> str:
    """Say where the files are, and how to go on."""
    arguments = f' -c "{files.worker}"'
    return f"""\
September has the largest drift of temperature and almost the best scores: drift without harm.
December is the worst sustained spell without any drift of the score: harm without drift, and retraining would not have
helped. The detectors' settings were chosen after this year had been seen: the demo shows the product, it is no evidence
of a detector's quality.

written: {files.alerts}
         {files.reports}
         {files.worker}, {files.definition("planner")}, {files.definition("gate")}

go on with a real Kafka (set kafka.bootstrap.servers and redis.url in {files.worker.name} first):
  tidegauge topics create{arguments}
  tidegauge apply -f "{files.definition("planner")}"{arguments}
  tidegauge worker{arguments}
"""
