"""Names of a shard's keys in Redis."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ShardName:
    """Whose state it is: a profiler's shard of the input topics, or a monitor's partition of `profiles`.

    All keys of a shard carry one hash tag, so that they lie in one slot of a Redis Cluster and one script may write
    them together.

    Parameters
    ----------
    prefix : str
        The installation's prefix ("" by default); without braces, which would end the hash tag.
    kind : "profiler" or "monitor"
        Which stage owns it.
    shard : int
        Partition number, from 0.

    Raises
    ------
    ValueError
        When the prefix holds a brace or the shard is negative.
    """

    prefix: str
    kind: Literal["profiler", "monitor"]
    shard: int

    def __post_init__(self) -> None:
        if {"{", "}"} & set(self.prefix):
            raise ValueError(f"the prefix must not hold braces: {self.prefix!r}")
        if self.shard < 0:
            raise ValueError(f"the shard must be 0 or more, not {self.shard}")

    @property
    def tag(self) -> str:
        """The hash tag, braces included."""
        return f"{{tidegauge:{self.prefix}:{self.kind}:{self.shard}}}"

    @property
    def meta(self) -> str:
        """Hash: epoch, seq, format, counts, and the next offset of each input topic."""
        return f"{self.tag}:meta"

    @property
    def fields(self) -> str:
        """Hash: the state itself, field by field."""
        return f"{self.tag}:fields"

    @property
    def unpublished(self) -> str:
        """Hash: field -> the seq that changed it, until its publication was acknowledged."""
        return f"{self.tag}:unpublished"

    @property
    def buckets(self) -> str:
        """Hash: bucket -> its length in bytes."""
        return f"{self.tag}:buckets"

    @property
    def stage(self) -> str:
        """Hash: pieces of a checkpoint too large for one call, before it lands."""
        return f"{self.tag}:stage"

    def bucket(self, name: str) -> str:
        """Name a string: one append-only bucket of packed records."""
        return f"{self.tag}:bucket:{name}"

    @property
    def fixed(self) -> tuple[str, ...]:
        """The keys that every script is given, in the order the scripts expect."""
        return (self.meta, self.fields, self.unpublished, self.buckets, self.stage)
