"""Memory that was freed goes back to the operating system."""

import ctypes
from collections.abc import Callable
from functools import lru_cache


def give_back() -> None:
    """Return freed memory, where the C library can: glibc keeps what a large state leaves behind for ever.

    Loading a shard, and forgetting one, frees many blocks of some megabytes: hundreds of megabytes stayed resident.
    Takes some ten milliseconds a gigabyte.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)  # a look-up in the process's own libraries
def _trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
