"""A worker with something wrong in it: the product's own, but for the runner that writes its profiler's checkpoints.

Run as `python -m load.chaos.worker SETTINGS TRAP product|control|small|brief`; see `trap` and `control`. A `small` one
takes small batches, and checkpoints often. A `brief` one has a join log in buckets of a minute, not of an hour: so what
expires is gone within minutes, and a soak of an hour can see whether anything stays.
"""

import asyncio
import logging
import os
import sys
from functools import partial
from pathlib import Path

from load.chaos.control import ForgetfulRunner
from load.chaos.trap import TrapRunner
from stream.app import assemble
from stream.cli.logs import configure_logs
from stream.config import Settings, load_settings
from stream.errors import TidegaugeError
from stream.profiler import Cadence, ProfilerConfig, owned
from stream.profiler.config import ShardConfig

OFTEN = Cadence(checkpoint_seconds=0.07, watermark_seconds=0.2, closing_seconds=0.03)


def main(config: Path, trap: str, kind: str) -> None:
    """Run the worker until it is told to end."""
    settings = load_settings(config)
    configure_logs("text")
    if kind == "control":
        _replace_runner(partial(ForgetfulRunner, settings=settings))
    elif kind == "small":
        assemble.ProfilerConfig = partial(ProfilerConfig, batch=37, chunk=11, cadence=OFTEN)  # type: ignore[misc]
    elif kind == "brief":
        assemble.ShardConfig = partial(ShardConfig, bucket_ms=60_000)  # type: ignore[misc]
    elif trap:
        _replace_runner(partial(TrapRunner, trap=Path(trap)))
    code = asyncio.new_event_loop().run_until_complete(_work(settings))
    logging.shutdown()
    os._exit(code)


def _replace_runner(runner: object) -> None:
    owned.SyncRunner = runner  # type: ignore[misc,assignment]  # what the profiler takes shards over with


async def _work(settings: Settings) -> int:
    try:
        await assemble.run_worker(settings)
    except TidegaugeError as error:
        logging.getLogger("stream").critical("%s", error)
        return error.exit_code
    except Exception:  # a worker that ends on its own account is what the run reports
        logging.getLogger("stream").exception("the worker ended")
        return 1
    return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
