"""What a large state leaves behind goes back to the operating system."""

import platform
import subprocess
import sys

import pytest

LOAD_AND_FORGET = """
import os
from stream.profiler.give_back import give_back

def resident_mb():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

freed = bytearray(8_000_000)
del freed  # from now on blocks as large as that come from the heap
before = resident_mb()
blocks = [os.urandom(2_000_000) for _ in range(100)]
del blocks[::2]  # the others hold their places
held = resident_mb() - before
give_back()
print(held, resident_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for it")
def test_freed_blocks_are_returned() -> None:
    told = subprocess.run([sys.executable, "-c", LOAD_AND_FORGET], capture_output=True, text=True, check=True).stdout
    held, left = map(float, told.split())
    assert held > 150, "the C library returns them by itself: then nobody has to"
    assert left < 0.7 * held
