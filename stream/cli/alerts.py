"""`tidegauge alerts`: what the alerts topic says."""

import sys
from typing import Annotated, Literal

import typer
from rich.console import Console

from stream.cli.options import ConfigOption, JsonOption
from stream.config import load_settings
from stream.kafka.clients import make_admin
from stream.kafka.topics import TopicNames, list_partitions, require_topics
from tidegauge import Alert, AlertStream
from tidegauge.codec import encode

Level = Literal["info", "warning", "error", "critical"]
# Without --follow the end of the topic is taken to be reached when nothing came for so long.
QUIET_SECONDS = 3.0
COLOURS = {"info": "cyan", "warning": "yellow", "error": "red", "critical": "bold red"}


def alerts(
    config: ConfigOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on when the end is reached.")] = False,
    json: JsonOption = False,
    model: Annotated[str, typer.Option(help="Only models that match this pattern.")] = "*",
    min_severity: Annotated[Level, typer.Option(help="Least severity.")] = "info",
) -> None:
    """Print alerts, oldest first: each transition once."""
    settings = load_settings(config)
    there = list_partitions(make_admin(settings.kafka_settings), settings.kafka_settings)
    require_topics([TopicNames(settings.prefix).alerts], there)
    stream = AlertStream(
        settings.kafka_settings,
        prefix=settings.prefix,
        model=model,
        min_severity=min_severity,
        start="earliest",
        idle_seconds=None if follow else QUIET_SECONDS,
    )
    console = Console(highlight=False, soft_wrap=True)
    try:
        for alert in stream:
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
        console.print(alert.summary, style=style, markup=False)
