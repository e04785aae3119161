"""What comes off a partition, and what could not be read of it."""

from bisect import bisect_left
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Consecutive messages of one partition of one topic, as columns, in the order of their offsets.

    `broker_ms` is the broker's time of each record, -1 where it has none; a value is None for a tombstone.
    """

    partition: int
    offsets: list[int]
    broker_ms: list[int]
    values: list[bytes | None]

    def part(self, first: int, last: int) -> "RawBatch":
        """Return the messages at indices `first` to `last` (exclusive)."""
        if first == 0 and last >= len(self.offsets):
            return self
        some = slice(first, last)
        return RawBatch(self.partition, self.offsets[some], self.broker_ms[some], self.values[some])

    def then(self, more: "RawBatch") -> "RawBatch":
        """Return these messages and those that came after them."""
        return RawBatch(
            self.partition,
            self.offsets + more.offsets,
            self.broker_ms + more.broker_ms,
            self.values + more.values,
        )

    def since(self, offset: int | None) -> "RawBatch":
        """Return the messages from an offset on; None: all."""
        first = 0 if offset is None else bisect_left(self.offsets, offset)
        return self.part(first, len(self.offsets))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, or one row of a batch message, that nobody could read: why, where it stood, and its bytes.

    `reason` is a short fixed name (it becomes a metric's label), `detail` a sentence for a person, `row` the row
    within a batch message.
    """

    reason: str
    detail: str
    role: str
    partition: int
    offset: int
    raw: bytes
    row: int | None = None
