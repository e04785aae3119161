"""What comes off a partition, and what could not be read of it."""

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
