"""`tidegauge worker`: one worker; start as many as you like."""

import asyncio
import logging
import os
import sys
from typing import Annotated, Final

import typer

from stream.cli.logs import configure_logs
from stream.cli.options import ConfigOption
from stream.config import Settings, load_settings
from stream.errors import TidegaugeError

_LOG: Final = logging.getLogger("stream")

WebPortOption = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of /healthz and /metrics; 0: none.")]


def worker(
    config: ConfigOption = None,
    web_port: WebPortOption = None,
    log: Annotated[str | None, typer.Option(help="text or json.")] = None,
    cold_start: Annotated[
        bool, typer.Option("--cold-start", help="Once, after a loss: what is lost begins anew; the rest goes on.")
    ] = False,
) -> None:
    """Run a worker until SIGTERM or Ctrl-C; it checkpoints and hands over in under 5 s."""
    settings = load_settings(config)
    if web_port is not None:
        settings.web.port = web_port
    configure_logs(log or settings.log)
    exit_code = asyncio.new_event_loop().run_until_complete(_work(settings, cold_start=cold_start))
    logging.shutdown()
    sys.stderr.flush()
    # State is written and handed over. What is left are threads and tasks of the clients, and where a server is away
    # they would keep the process for a minute.
    os._exit(exit_code)


async def _work(settings: Settings, *, cold_start: bool) -> int:
    """Run to the end and say in the log why, if it was not asked for; the exit code."""
    # Imported here: Faust takes most of a second, which `tidegauge worker --help` should not pay.
    from stream.app.assemble import run_worker  # noqa: PLC0415

    try:
        await run_worker(settings, cold_start=cold_start)
    except TidegaugeError as error:
        _LOG.critical("%s", error)
        return error.exit_code
    except Exception:  # noqa: BLE001 - a bug, too, ends in one line of the log and an exit code
        _LOG.exception("the worker ended")
        return 1
    return 0
