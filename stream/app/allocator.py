"""The C library's allocator, told to return what a large state or a catch-up leaves behind."""

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3

LARGE_BYTES: Final = 1 << 20
KEPT_BYTES: Final = 16 << 20


def return_large_blocks() -> None:
    """Have blocks of a megabyte or more given back to the operating system when they are freed; glibc alone has that.

    By itself glibc raises that limit to the largest such block that was freed, up to 32 MB, and keeps the holes that
    smaller ones leave: a worker that loads a shard's state, or gives it away, stayed as large as it ever was. What a
    batch needs is smaller, and reused: up to 16 MB at the end of each heap stay.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def return_free_pages() -> None:
    """Give back free pages amid every heap; glibc alone has that. Milliseconds, without the interpreter's lock.

    Each thread has a heap of its own. When a broker comes back librdkafka reads on in new threads, and what the last
    ones held for a catch-up (30 MB each) would stay: a small block in use at a heap's end keeps all below it.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
