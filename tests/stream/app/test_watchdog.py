import subprocess
import sys
import threading
from collections.abc import Callable

from stream.app.watchdog import Watchdog
from stream.profiler.pulse import Pulse

# A thread that beats once and then waits for ever: what a lost lock or a call that never returns looks like.
STUCK = """
import logging, sys, threading, time
from stream.app.watchdog import Watchdog
from stream.profiler.pulse import Pulse
logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
pulse = Pulse("profiler's thread")
def wait_for_ever():
    pulse.beat()
    threading.Event().wait()
threading.Thread(target=wait_for_ever, daemon=True).start()
Watchdog([pulse], limit_seconds=1.0).start()
time.sleep(60)
"""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def watched(limit: float = 30.0) -> tuple[Clock, Pulse, Callable[[float], tuple[str, float] | None]]:
    clock = Clock()
    pulse = Pulse("loop", clock)
    watchdog = Watchdog([pulse], limit_seconds=limit, clock=clock)

    def after(seconds: float) -> tuple[str, float] | None:
        found = None
        for _ in range(int(seconds)):
            clock.now += 1
            found = found or watchdog.look()
        return found

    return clock, pulse, after


def test_a_loop_that_has_not_begun_or_has_ended_is_not_stuck() -> None:
    _, pulse, after = watched()
    assert after(100) is None
    pulse.beat()
    pulse.rest()
    assert after(100) is None


def test_a_loop_without_a_turn_for_longer_than_the_limit_is_stuck() -> None:
    _, pulse, after = watched()
    pulse.beat()
    assert after(30) is None
    pulse.beat()
    assert after(30) is None
    assert after(1) == ("loop", 31.0)


def test_a_process_that_was_stopped_whole_is_not_stuck() -> None:
    clock, pulse, after = watched()
    pulse.beat()
    clock.now += 3600  # SIGSTOP: neither the loop nor the watchdog ran
    assert after(30) is None
    assert after(2) is not None


def test_it_ends_once_and_says_which() -> None:
    told: list[str] = []
    ended = threading.Event()
    clock = Clock()
    pulse = Pulse("loop", clock)
    pulse.beat()

    def end(name: str, _: float) -> None:
        told.append(name)
        ended.set()

    watchdog = Watchdog([pulse], limit_seconds=-1.0, clock=clock, end=end)
    watchdog.start()
    assert ended.wait(30)
    assert told == ["loop"]


def test_the_process_ends_with_all_stacks_in_its_log() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "CRITICAL the profiler's thread has made no turn for" in done.stderr
    assert "in wait_for_ever" in done.stderr
