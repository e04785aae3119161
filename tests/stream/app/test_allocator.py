"""What a large state or a catch-up leaves behind goes back to the operating system, and would not by itself."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")

LOAD_AND_FORGET = """
import os, sys
from load.resident import resident_bytes
from stream.app.allocator import return_large_blocks

if sys.argv[1] == "told":
    return_large_blocks()
freed = bytearray(8_000_000)
del freed  # from now on glibc takes smaller blocks from the heap
before = resident_bytes()
blocks = [os.urandom(2_000_000) for _ in range(100)]
del blocks[::2]  # the others hold their places
print((resident_bytes() - before) / 1e6)
"""

CATCH_UP = """
import os, sys, threading
from load.resident import resident_bytes
from stream.app.allocator import return_free_pages, return_large_blocks

def catch_up():
    messages = [os.urandom(700) for _ in range(50_000)]
    kept.append(messages[-1])  # at the end of the thread's heap

return_large_blocks()
kept, before = [], resident_bytes()
thread = threading.Thread(target=catch_up)
thread.start()
thread.join()
if sys.argv[1] == "told":
    return_free_pages()
print((resident_bytes() - before) / 1e6)
"""


def left_mb(script: str, how: str) -> float:
    command = [sys.executable, "-c", script, how]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_freed_blocks_are_returned() -> None:
    assert left_mb(LOAD_AND_FORGET, "told") < 130 < left_mb(LOAD_AND_FORGET, "by itself")


def test_what_a_thread_held_for_a_while_is_returned() -> None:
    assert left_mb(CATCH_UP, "told") <= 20 < left_mb(CATCH_UP, "by itself")
