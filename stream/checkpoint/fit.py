"""Whether a shard's state and the log it was made from still belong together: pure, for profiler and monitor alike.

Three things must not pass in silence, and none of them can be told from Redis alone. A shard of which Redis holds
nothing is new, or lost: Kafka's consumer group knows, because only what a checkpoint holds is committed there. An
offset beyond the log's end belongs to another log. One before its beginning means that records left before they were
read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stream.checkpoint.names import ShardName

Trouble = Literal["lost", "recreated", "gap"]


@dataclass(frozen=True)
class Log:
    """What Kafka holds of a shard, by the names that its offsets are stored under.

    Attributes
    ----------
    spans
        Records [start, stop) in the log.
    committed
        Next offsets that the consumer group has committed; a topic without any is left out.
    epoch
        The newest owner who committed, by its epoch; 0 when nobody did, or did not say.
    """

    spans: Mapping[str, range]
    committed: Mapping[str, int] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True)
class Misfit:
    """Why state and log do not belong together, as a sentence."""

    trouble: Trouble
    text: str


def misfit(name: ShardName, offsets: Mapping[str, int], log: Log, *, fresh: bool) -> Misfit | None:
    """Return what is wrong, the gravest first; None when the state may go on.

    Parameters
    ----------
    name
        Whose state it is.
    offsets
        Next offsets, as stored.
    log
        What Kafka holds.
    fresh
        Whether no checkpoint of the shard is in the store.
    """
    if fresh and log.committed:
        read = ", ".join(f"{topic} up to {offset}" for topic, offset in sorted(log.committed.items()))
        return Misfit(
            "lost",
            f"Redis holds nothing of {name.tag}, but the consumer group has committed {read}: its state is lost. Was "
            "Redis flushed, restarted without its append-only file, or is redis.url another server's?",
        )
    for topic, offset in sorted(offsets.items()):
        span = log.spans.get(topic)
        if span is not None and offset > span.stop:
            return Misfit(
                "recreated",
                f"the state of {name.tag} has read {topic} up to {offset}, but the log ends at {span.stop}: "
                "was the topic created anew?",
            )
    for topic, offset in sorted(offsets.items()):
        span = log.spans.get(topic)
        if span is not None and offset < span.start:
            return Misfit(
                "gap",
                f"{name.tag} reads {topic} from {offset} on, but the log begins at {span.start}: "
                f"{span.start - offset} records expired before they were read",
            )
    return None
