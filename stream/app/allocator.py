"""The C library's allocator, told to return what a large state leaves behind."""

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3

LARGE_BYTES: Final = 1 << 20
KEPT_BYTES: Final = 64 << 20


def return_large_blocks() -> None:
    """Have blocks of a megabyte or more given back to the operating system when they are freed; glibc alone has that.

    By itself glibc raises that limit to the largest such block that was freed, up to 32 MB, and keeps the holes that
    smaller ones leave: a worker that loads a shard's state, or gives it away, stayed as large as it ever was. What a
    batch needs is smaller, and reused: up to 64 MB at the heap's end stay.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
