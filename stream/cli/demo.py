"""`tidegauge demo`: a year of real flights through two models, in one command."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from stream.errors import ConfigurationError

LOG_COLUMNS = 120
"""Width of the summary's table where no terminal says its own."""


def demo(
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path("tidegauge-demo"),
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds, with what was seen.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a live table.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave servers and workers running until Ctrl-C.")] = False,
    kafka: Annotated[str | None, typer.Option(help="host:port of a real Kafka, instead of the embedded one.")] = None,
    redis: Annotated[str | None, typer.Option(help="redis://... of a real Redis, instead of the embedded one.")] = None,
    prefix: Annotated[str, typer.Option(help="Put before every topic name and Redis key.")] = "demo.",
) -> None:
    """Watch a year of real flights: no Docker, no Kafka, no configuration."""
    # Imported here: pandas and scikit-learn take seconds, and belong to an extra.
    try:
        from stream.demo.run import Demo, DemoOptions  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the demo needs the package {error.name}, which comes with its extra: pip install 'tidegauge-worker[demo]'"
        ) from error

    options = DemoOptions(folder, seconds, plain, keep, kafka, redis, prefix)
    run = Demo(options, Console(width=None if sys.stdout.isatty() else LOG_COLUMNS))

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        run.interrupted.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    run.run()
