"""The live table: pure rendering of the board."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stream.demo.board import Board, Row, strength
from stream.demo.replay import Progress
from tidegauge.alerts import Alert

NEW_YORK = ZoneInfo("America/New_York")
COLOURS = {"ok": "green", "info": "cyan", "warning": "yellow", "error": "red", "critical": "bold red"}
BAR = 8
COLUMNS = ("model", "segment", "n/day", "p50/p99 ms", "strongest drift", "", "log loss", "band", "calibration",
           "labels", "accuracy", "always on time", "state")  # fmt: skip


def date(time_ms: int) -> str:
    """Return the local date of an instant; a window's end at midnight is the date of its last day."""
    return datetime.fromtimestamp((time_ms - 1) / 1000, UTC).astimezone(NEW_YORK).strftime("%d %b")


def render(board: Board, progress: Progress, seconds: float) -> RenderableType:
    """Draw the whole screen."""
    rate = progress.events / seconds if seconds > 0 else 0.0
    head = f"tidegauge demo   {date(progress.now_ms + 1)} 2013   {progress.events:,} events   {rate:,.0f}/s   "
    head += f"unread {progress.unread:,}   {seconds:.0f} s"
    table = Table(*COLUMNS, title=head, title_justify="left", expand=False, padding=(0, 1))
    for (model, segment), row in sorted(board.rows.items()):
        table.add_row(*_cells(row, model, segment or "(all)"), _state(board.state(model, segment)))
    return Group(table, *(alert_line(alert) for alert in board.alerts[-6:]))


def alert_line(alert: Alert) -> Text:
    """Draw one alert as it is read: its first line, coloured."""
    colour = "green" if alert.status == "resolved" else COLOURS[alert.severity]
    return Text(alert.summary or f"{alert.kind} {alert.model}", style=colour)


def _cells(row: Row, model: str, segment: str) -> list[str]:
    drift, loss = row.strongest, row.metric("log_loss")
    calibration, accuracy = row.metric("calibration"), row.metric("accuracy")
    share = strength(drift) if drift else 0.0
    coverage = row.outcome.coverage if row.outcome else None
    return [
        model,
        segment,
        f"{row.inputs.n:,}" if row.inputs else "-",
        _latency(row),
        f"{drift.subject} {share:.2f}" if drift else "-",
        "█" * min(BAR, round(share * BAR / 2)),
        _number(loss.value if loss else None),
        f"{_number(loss.lower)}-{_number(loss.upper)}" if loss and loss.upper is not None else "-",
        _number(calibration.value if calibration else None, "+.2f"),
        f"{coverage:.0%}" if coverage is not None else "-",
        _number(accuracy.value if accuracy else None),
        _number(accuracy.constant if accuracy else None),
    ]


def _latency(row: Row) -> str:
    quantiles = row.service.latency_ms if row.service else {}
    return f"{quantiles['p50']:.3f}/{quantiles['p99']:.3f}" if {"p50", "p99"} <= set(quantiles) else "-"


def _number(value: float | None, style: str = ".2f") -> str:
    return "-" if value is None else format(value, style)


def _state(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]"
