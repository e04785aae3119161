"""What became of the events a Recorder was given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

DropReason = Literal["queue_full", "too_large", "delivery", "no_metadata", "closed"]


@dataclass(frozen=True, slots=True)
class Drop:
    """One message that will not reach Kafka.

    `reason`: "queue_full" (Kafka is slower than the service, or away), "too_large" (above `message.max.bytes`),
    "delivery" (Kafka refused it or `message.timeout.ms` passed), "no_metadata" (partition count unknown),
    "closed" (still queued when the Recorder closed, or logged after). `rows` is 1, or the rows of a batch;
    `value` is the message as it would have been sent (empty with "no_metadata").
    """

    reason: DropReason
    topic: str
    key: bytes | None
    value: bytes
    rows: int
    detail: str


OnDrop = Callable[[Drop], None]


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """Counts of rows (an event or watermark is one row, a batch several) since this process first used the Recorder.

    `recorded` = `delivered` + the sum of `dropped` + `queued`.
    """

    recorded: int = 0
    delivered: int = 0
    queued: int = 0
    dropped: dict[DropReason, int] = field(default_factory=dict)
