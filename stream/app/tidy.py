"""Now and then: what nobody can reach any more is collected, and its memory given back."""

import asyncio
import gc
import time
from typing import Final

from stream.app.allocator import return_free_pages

EVERY_SECONDS: Final = 60.0
_MOST_OF_THE_TIME: Final = 0.005


async def tidy(every_seconds: float = EVERY_SECONDS) -> None:
    """Collect cycles and return free pages, for ever, in half a percent of the time at most.

    A client's error that refers to itself, as redis-py's do, keeps the frames of all its callers, and the shard that
    one of them was writing: 40 MB for a million records, until the calmed collector comes to what is old, hours later.
    """
    pause = every_seconds
    while True:
        await asyncio.sleep(pause)
        started = time.perf_counter()
        gc.collect()
        pause = max(every_seconds, (time.perf_counter() - started) / _MOST_OF_THE_TIME)
        await asyncio.to_thread(return_free_pages)
