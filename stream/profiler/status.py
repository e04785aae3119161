"""What a profiler tells about itself: plain values, replaced whole, so any thread may read them."""

from dataclasses import dataclass, field

from stream.profiler.counts import TopicCounts
from stream.profiler.owned import Owned
from stream.profiler.schedule import Progress
from stream.profiler.shard import ShardCore


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One shard, as of the last second."""

    shard: int
    epoch: int
    seq: int
    progress: Progress
    newest_ms: int
    idle: bool
    parts: int
    unpublished: int
    predictions_waiting: int
    labels_waiting: int
    labels_unmatched: int
    predictions: TopicCounts
    labels: TopicCounts
    overflowed: dict[str, int]
    checkpoint_seconds: float
    loss: str = ""


@dataclass(slots=True)
class Totals:
    """Since this thread began; they only rise."""

    messages: int = 0
    checkpoints: int = 0
    checkpoint_seconds: float = 0.0
    checkpoint_bytes: int = 0
    dead_letters: int = 0
    published_messages: int = 0
    published_bytes: int = 0
    takeovers: int = 0
    fenced: int = 0
    store_failures: int = 0


@dataclass(frozen=True, slots=True)
class ProfilerStatus:
    """The whole profiler.

    `held` says in a word why nothing is read now ("store", "backlog", "dead letters", "takeover"), "" when all is well;
    `held_seconds` for how long. `waiting_seconds`: for how long messages have waited and none was read.
    """

    shards: tuple[ShardStatus, ...] = ()
    waiting: tuple[int, ...] = ()
    totals: Totals = field(default_factory=Totals)
    held: str = ""
    held_seconds: float = 0.0
    waiting_seconds: float = 0.0
    backlog_bytes: int = 0


def shard_status(owned: Owned) -> ShardStatus:
    """Read one shard's status off its state; small copies only."""
    core = owned.core
    return ShardStatus(
        shard=core.shard,
        epoch=owned.checkpoints.epoch,
        seq=owned.checkpoints.seq,
        progress=core.progress,
        newest_ms=max(clock.newest_ms for clock in core.clocks.values()),
        idle=core.idle,
        parts=core.store.held,
        unpublished=owned.checkpoints.unpublished,
        predictions_waiting=len(core.memory.joiner.predictions),
        labels_waiting=len(core.memory.joiner.labels),
        labels_unmatched=core.memory.unmatched,
        predictions=core.counts["predictions"].copied(),
        labels=core.counts["labels"].copied(),
        overflowed=_overflowed(core),
        checkpoint_seconds=owned.seconds,
        loss=core.loss,
    )


def _overflowed(core: ShardCore) -> dict[str, int]:
    label_texts = core.memory.joiner.texts.overflowed
    return core.names.overflowed | ({"label_text": label_texts} if label_texts else {})
