"""A worker that is stuck must end: its group believes it alive, and its shards stand still until it is gone.

librdkafka and aiokafka send heartbeats from threads of their own, so a loop that hangs (a lock, a call that never
returns) is missed by Kafka after five minutes, or never. The watchdog misses it after 30 s, writes every thread's stack
into the log and ends the process; the group then gives its shards to others, who go on from the last checkpoint.
"""

import faulthandler
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from stream.profiler.pulse import Pulse

_LOG: Final = logging.getLogger(__name__)

LIMIT_SECONDS: Final = 30.0
"""No turn is that long: each attempt at a server has a deadline of seconds, and loading beats between shards."""

LOOK_SECONDS: Final = 1.0
ABSENT_SECONDS: Final = 5.0
"""Not looked for so long, the whole process was stopped (SIGSTOP, a suspended machine): the loops were not stuck."""

WRITE_SECONDS: Final = 2.0
EXIT_CODE: Final = 1


class Watchdog:
    """Looks at pulses once a second, from a thread of its own.

    Parameters
    ----------
    pulses
        Of the loops to watch; each from its first beat on.
    clock
        Monotonic seconds; the pulses' own.
    end
        Called once with the stuck loop's name and how long it has been silent; does not return.
    """

    def __init__(
        self,
        pulses: Sequence[Pulse],
        *,
        limit_seconds: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[str, float], None] | None = None,
    ) -> None:
        self._pulses = pulses
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._end = end or end_process
        self._looked = self._absent_until = clock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching: the process is about to end in order, by deadlines of its own."""
        self._stop.set()

    def look(self) -> tuple[str, float] | None:
        """Return the name of a loop that is stuck, and for how many seconds."""
        now = self._clock()
        if now - self._looked > ABSENT_SECONDS:
            self._absent_until = now
        self._looked = now
        for pulse in self._pulses:
            if (last := pulse.last) is None:
                continue
            silent = now - max(last, self._absent_until)
            if silent > self._limit_seconds:
                return pulse.name, silent
        return None

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if (stuck := self.look()) is not None:
                self._end(*stuck)
                return


def end_process(name: str, silent_seconds: float) -> None:
    """Log every stack and end the process, at once and without cleaning up: what is stuck may hold any lock."""
    text = f"the {name} has made no turn for {silent_seconds:.0f} s; the worker ends, others take over; {stacks()}"
    # The stuck thread may hold the log's own lock: wait for it, but not long.
    writer = threading.Thread(target=_LOG.critical, args=("%s", text), daemon=True)
    writer.start()
    writer.join(WRITE_SECONDS)
    os._exit(EXIT_CODE)


def stacks() -> str:
    """Return the stack of every thread, as text for one record of the log."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return f"all stacks:\n{file.read()}"
