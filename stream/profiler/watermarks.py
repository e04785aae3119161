"""Event time of one topic of one shard, and which rows are on time.

A row is judged by the watermark before its own message, so that the answer depends on the log's order and nothing
else: not on batches, not on the clock, not on the other topic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

NEVER_MS = -1


@dataclass(slots=True)
class TopicClock:
    """How far one topic has come: the greatest event time, and a floor that only rises.

    The floor is lifted by control records, by silence (the wall clock) and by a change of lateness: what was promised
    once is never taken back.
    """

    newest_ms: int = NEVER_MS
    floor_ms: int = NEVER_MS

    def watermark_ms(self, lateness_ms: int) -> int:
        """No on-time row below this is to come; -1 before the first event."""
        return max(self.newest_ms - lateness_ms, self.floor_ms, NEVER_MS)

    def lift(self, floor_ms: int) -> None:
        """Raise the floor; a lower one changes nothing."""
        self.floor_ms = max(self.floor_ms, floor_ms)

    def advance(
        self, messages: int, rows_ms: Int64, message_of_row: Int64, controls: list[tuple[int, int]]
    ) -> "Before":
        """Take in a batch and return what held before each of its messages.

        Parameters
        ----------
        messages
            How many messages the batch had.
        rows_ms, message_of_row
            Event time (clamped) of each row and the index of its message, rising.
        controls
            (message index, timestamp) of the control records among them.
        """
        newest = np.full(messages + 1, NEVER_MS, dtype=np.int64)
        newest[0] = self.newest_ms
        np.maximum.at(newest, message_of_row + 1, rows_ms)
        floor = np.full(messages + 1, NEVER_MS, dtype=np.int64)
        floor[0] = self.floor_ms
        for message, timestamp_ms in controls:
            floor[message + 1] = max(int(floor[message + 1]), timestamp_ms)
        np.maximum.accumulate(newest, out=newest)
        np.maximum.accumulate(floor, out=floor)
        self.newest_ms, self.floor_ms = int(newest[-1]), int(floor[-1])
        return Before(newest[message_of_row], floor[message_of_row])


@dataclass(frozen=True, slots=True)
class Before:
    """Newest event time and floor as they stood before each row's message."""

    newest_ms: Int64
    floor_ms: Int64

    def take(self, rows: Int64) -> "Before":
        """Return only some rows."""
        return Before(self.newest_ms[rows], self.floor_ms[rows])

    def watermarks(self, lateness_ms: Int64 | int) -> Int64:
        """Watermark that each row is judged by; `lateness_ms` may differ by row (each model has its own)."""
        result: Int64 = np.maximum(np.maximum(self.newest_ms - lateness_ms, self.floor_ms), NEVER_MS)
        return result


def clamp(rows_ms: Int64, broker_ms: Int64, max_skew_ms: int) -> tuple[Int64, int]:
    """Cut timestamps that lie more than `max_skew_ms` ahead of their record's broker time; returns how many were.

    A broker time of -1 means the record has none: nothing to compare with.
    """
    limit = np.where(broker_ms >= 0, broker_ms + max_skew_ms, np.iinfo(np.int64).max)
    ahead = rows_ms > limit
    count = int(np.count_nonzero(ahead))
    return (np.minimum(rows_ms, limit), count) if count else (rows_ms, 0)
