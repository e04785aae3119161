"""Each message at its own instant, without coordinated omission.

The schedule is fixed before anything is sent: a message's timestamp is when it was due, not when it left. If the broker
or this process stalls, the messages that fell due meanwhile leave at once, late, and their lateness is measured and
said; the schedule is never stretched, so a stall cannot hide the load that it delayed.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from load.generate.blast import Sent
from load.generate.encode import Encoded, Message
from load.generate.producer import Progress, Sink

TICK_SECONDS = 0.005
AHEAD_MS = 1_000
"""How far ahead messages are encoded, so that encoding one slice never delays the one before."""


class Pacer:
    """Sends slices whose timestamps are instants of the wall clock.

    Parameters
    ----------
    sink
        Where to.
    clock, sleep
        Unix time in seconds; and waiting.
    """

    def __init__(
        self, sink: Sink, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._sink, self._clock, self._sleep = sink, clock, sleep
        self._waiting: deque[Message] = deque()
        self._lags_ms: list[float] = []

    def run(
        self, slices: Iterator[Encoded], progress: Progress = lambda _: None, stop: Callable[[], bool] = lambda: False
    ) -> Sent:
        """Send every slice until there is no more, or `stop`."""
        start, more = self._clock(), True
        while (more or self._waiting) and not stop():
            if more and self._ahead_ms() < AHEAD_MS:
                part = next(slices, None)
                more = part is not None
                self._waiting.extend(part.messages if part else ())
            progress(self._send_due())
            if not more or self._ahead_ms() >= AHEAD_MS:
                self._sleep(TICK_SECONDS)
        failed = self._sink.flush()
        return Sent(self._sink.sent, failed, self._clock() - start, self._lags())

    def _ahead_ms(self) -> float:
        return self._waiting[-1].at_ms - self._clock() * 1000 if self._waiting else 0.0

    def _send_due(self) -> int:
        now_ms, due = self._clock() * 1000, []
        while self._waiting and self._waiting[0].at_ms <= now_ms:
            due.append(self._waiting.popleft())
        self._sink.send(due)
        self._sink.poll()
        if due:
            self._lags_ms.append(self._clock() * 1000 - due[0].at_ms)
        return len(due)

    def _lags(self) -> tuple[float, float, float]:
        if not self._lags_ms:
            return (0.0, 0.0, 0.0)
        median, high = np.percentile(self._lags_ms, (50, 99))
        return float(median) / 1000, float(high) / 1000, max(self._lags_ms) / 1000
