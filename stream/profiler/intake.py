"""One batch of one topic, judged: what was read, what is on time, what is dropped, and what could not be read."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from stream.profiler.counts import TopicCounts
from stream.profiler.decode import Columns, Decoded, Event
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.rules import Rules
from stream.profiler.watermarks import Before, TopicClock, clamp
from stream.timeline.durations import DAY_MS

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged(Generic[Columns]):
    """Rows that count, in the order of the log: their event time (clamped), punctuality and offset.

    `before` is what held before each of them.
    """

    fields: Columns
    timestamps_ms: Int64
    on_time: NDArray[np.bool_]
    offsets: Int64
    before: Before
    dead: list[DeadLetter]

    def by_day(self, lateness_ms: int) -> Iterator[tuple[int, "Judged[Columns]"]]:
        """Yield the rows before which the watermark stood in the same day (from 1970), and that day."""
        days: Int64 = self.before.watermarks(lateness_ms) // DAY_MS
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
        for start, stop in pairwise(cuts):
            yield int(days[start]), self if stop - start == len(days) else self._part(start, stop)

    def _part(self, start: int, stop: int) -> "Judged[Columns]":
        """Return some rows that follow each other."""
        rows = np.arange(start, stop)
        return Judged(
            self.fields.take(rows),
            self.timestamps_ms[rows],
            self.on_time[rows],
            self.offsets[rows],
            self.before.take(rows),
            self.dead,
        )


def judge(
    batch: RawBatch, decoded: Decoded[Event, Columns], clock: TopicClock, rules: Rules, counts: TopicCounts
) -> Judged[Columns]:
    """Advance the topic's clock by a batch and judge each row by the watermark before its message."""
    fields, message_of_row = decoded.fields, decoded.message_indices
    rows = len(fields.ids)
    timestamps_ms, clamped = event_times(batch, decoded, rules)
    before = clock.advance(len(batch.offsets), timestamps_ms, message_of_row, decoded.watermarks)
    watermarks = before.watermarks(rules.lateness_ms(fields.models, timestamps_ms))
    kept = np.flatnonzero(timestamps_ms >= watermarks - rules.config.retention_ms)
    on_time = (timestamps_ms >= watermarks)[kept]
    _count(decoded, counts, clamped=clamped, dropped=rows - len(kept))
    return Judged(
        fields=fields if len(kept) == rows else fields.take(kept),
        timestamps_ms=timestamps_ms[kept],
        on_time=on_time,
        offsets=np.array(batch.offsets, dtype=np.int64)[message_of_row[kept]],
        before=before if len(kept) == rows else before.take(kept),
        dead=decoded.dead,
    )


def event_times(batch: RawBatch, decoded: Decoded[Event, Columns], rules: Rules) -> tuple[Int64, int]:
    """Return each row's event time, and how many of them were clamped to their record's broker time."""
    broker_ms = np.array(batch.broker_ms, dtype=np.int64)[decoded.message_indices]
    return clamp(decoded.fields.timestamps_ms, broker_ms, min(rules.config.max_skew_ms, rules.config.lateness_ms))


def skip_read(batch: RawBatch, next_offset: int | None, counts: TopicCounts) -> RawBatch:
    """Leave out messages before `next_offset` (they are in the state already) and count gaps in the offsets.

    A gap is an offset nobody will ever deliver: a transaction's marker, or a record that expired before it was read.
    """
    if not batch.offsets:
        return batch
    start = 0
    if next_offset is not None:
        start = bisect_left(batch.offsets, next_offset)
        counts.repeated += start
    offsets = batch.offsets[start:]
    if offsets:
        expected = offsets[0] if next_offset is None else next_offset
        counts.messages += len(offsets)
        counts.gaps += offsets[-1] + 1 - expected - len(offsets)
    return RawBatch(batch.partition, offsets, batch.broker_ms[start:], batch.values[start:])


def _count(decoded: Decoded[Event, Columns], counts: TopicCounts, *, clamped: int, dropped: int) -> None:
    counts.watermarks += len(decoded.watermarks)
    counts.rows += len(decoded.message_of_row) + decoded.feedback
    counts.clamped += clamped
    counts.bury(letter.reason for letter in decoded.dead)
    counts.drop("late_beyond_retention", dropped)
    counts.drop("feedback", decoded.feedback)
