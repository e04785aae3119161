"""`tidegauge alerts`: what the alerts topic says."""

import sys
from typing import Annotated, Literal

import typer
from rich.console import Console

from stream.cli.alert_history import in_order, read_alerts
from stream.cli.options import ConfigOption, JsonOption, plain_console
from stream.config import load_settings
from stream.kafka.clients import make_admin
from stream.kafka.topics import TopicNames, list_partitions, require_topics
from tidegauge import Alert, AlertStream
from tidegauge.codec import encode
from tidegauge.subscribe.selection import Selection

Level = Literal["info", "warning", "error", "critical"]
COLOURS = {"info": "cyan", "warning": "yellow", "error": "red", "critical": "bold red"}


def alerts(
    config: ConfigOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on when the end is reached.")] = False,
    json: JsonOption = False,
    model: Annotated[str, typer.Option(help="Only models that match this pattern.")] = "*",
    min_severity: Annotated[Level, typer.Option(help="Least severity.")] = "info",
) -> None:
    """Print alerts, oldest first: each transition once."""
    settings, console = load_settings(config), plain_console()
    there = list_partitions(make_admin(settings.kafka_settings), settings.kafka_settings)
    topic = TopicNames(settings.prefix).alerts
    require_topics([topic], there)
    shown: set[tuple[str, int]] = set()
    for alert in in_order(read_alerts(settings.kafka_settings, topic, there[topic]), Selection(model, min_severity)):
        _show(alert, console, json=json)
        shown.add((alert.alert_id, alert.seq))
    if not follow:
        return
    # From the beginning, too: so the stream knows of which alerts the end must be told, whatever its severity.
    stream = AlertStream(
        settings.kafka_settings, prefix=settings.prefix, model=model, min_severity=min_severity, start="earliest"
    )
    try:
        for alert in stream:
            if (alert.alert_id, alert.seq) not in shown:
                _show(alert, console, json=json)
    except KeyboardInterrupt:
        pass
    finally:
        stream.close()


def _show(alert: Alert, console: Console, *, json: bool) -> None:
    if json:
        sys.stdout.write(encode(alert).decode() + "\n")
        sys.stdout.flush()
    else:
        style = "green" if alert.status == "resolved" else COLOURS[alert.severity]
        console.print(alert.summary, style=style)
