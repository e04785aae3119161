"""What a large state leaves behind goes back to the operating system, and would not by itself."""

import platform
import subprocess
import sys

import pytest

LOAD_AND_FORGET = """
import os, sys
from stream.app.allocator import return_large_blocks

def resident_mb():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

if sys.argv[1] == "told":
    return_large_blocks()
freed = bytearray(8_000_000)
del freed  # from now on glibc takes smaller blocks from the heap
before = resident_mb()
blocks = [os.urandom(2_000_000) for _ in range(100)]
del blocks[::2]  # the others hold their places
print(resident_mb() - before)
"""


def left_mb(how: str) -> float:
    command = [sys.executable, "-c", LOAD_AND_FORGET, how]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_blocks_are_returned() -> None:
    assert left_mb("told") < 130 < left_mb("by itself")
