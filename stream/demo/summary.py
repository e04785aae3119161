"""What the year held: printed when the demo ends."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from stream.demo.board import by_alert
from stream.demo.files import DemoFiles
from stream.demo.screen import COLOURS, date
from tidegauge.alerts import Alert


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


def months_table(rows: Sequence[tuple[str, ...]], model: str, healthy_loss: float) -> Table:
    """Lay out `month_rows`."""
    title = f"{model}: log loss was {healthy_loss:.2f} in February, the reference"
    table = Table("month", "flights", "late", "furthest feature", "days features", "days score", "log loss",
                  "retrained weekly", "verdict", title=title, title_justify="left")  # fmt: skip
    for row in rows:
        table.add_row(*row)
    return table


def closing_words(files: DemoFiles) -> str:
    """Say where the files are, and how to go on."""
    command = "tidegauge" if shutil.which("tidegauge") else str(Path(sys.executable).with_name("tidegauge"))
    arguments = f' -c "{files.worker}"'
    return f"""\
furthest feature: mean normalised Wasserstein distance; days features, days score: days on which drift fired.
The detectors' settings were chosen after this year had been seen: the demo shows the product, it is no evidence of a
detector's quality.

written: {files.alerts}
         {files.reports}
         {files.worker}, {files.definition("planner")}, {files.definition("gate")}

go on with a real Kafka (set kafka.bootstrap.servers and redis.url in {files.worker.name} first):
  {command} topics create{arguments}
  {command} apply -f "{files.definition("planner")}"{arguments}
  {command} worker{arguments}
"""
