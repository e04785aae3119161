"""`tidegauge worker`: one worker; start as many as you like."""

import asyncio
from typing import Annotated

import typer

from stream.cli.logs import configure_logs
from stream.cli.options import ConfigOption
from stream.config import load_settings


def worker(
    config: ConfigOption = None,
    web_port: Annotated[int | None, typer.Option(help="Port of /healthz and /metrics; 0 for none.")] = None,
    log: Annotated[str | None, typer.Option(help="text or json.")] = None,
) -> None:
    """Run a worker until SIGTERM or Ctrl-C; it checkpoints and hands over in under 5 s."""
    # Imported here: Faust takes most of a second, which `tidegauge schema` should not pay.
    from stream.app.assemble import run_worker  # noqa: PLC0415

    settings = load_settings(config)
    if web_port is not None:
        settings.web.port = web_port
    configure_logs(log or settings.log)
    asyncio.run(run_worker(settings))
