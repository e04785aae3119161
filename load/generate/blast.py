"""As fast as the broker takes them: everything is encoded before the clock starts."""

import time
from dataclasses import dataclass

from load.generate.encode import Encoded
from load.generate.producer import Progress, Sink

CHUNK = 10_000


@dataclass(frozen=True)
class Sent:
    """What was sent, and how long that took.

    `seconds` ends when the broker has acknowledged the last message; `lag_seconds` are the median, the 99th
    percentile and the greatest time by which messages left after their instant (none for a load without instants).
    """

    messages: int
    failed: int
    seconds: float
    lag_seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def per_second(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds if self.seconds else 0.0


def blast(sink: Sink, encoded: Encoded, progress: Progress = lambda _: None) -> Sent:
    """Send everything at once; returns after the last delivery."""
    start, messages = time.perf_counter(), encoded.messages
    for first in range(0, len(messages), CHUNK):
        chunk = messages[first : first + CHUNK]
        sink.send(chunk)
        progress(len(chunk))
    failed = sink.flush()
    return Sent(len(messages), failed, time.perf_counter() - start)
