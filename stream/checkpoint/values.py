"""What goes into a checkpoint, what comes out of one, and how an attempt ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Delta:
    """Everything that changed in a shard since its last checkpoint: lands whole or not at all.

    Parameters
    ----------
    fields : mapping of bytes to bytes or None
        New values of state fields; None deletes one.
    appends : mapping of str to bytes
        Records to add at the end of a bucket, which comes into being by its first append.
    dropped : tuple of str
        Buckets to free whole; none of them may be appended to in the same delta.
    offsets : mapping of str to int
        Topic -> the NEXT offset to read: all records before it are in this state.
    unpublished : tuple of bytes
        Fields that must be published; remembered with this checkpoint's seq until delivered.
    delivered : mapping of bytes to int
        Field -> the seq whose publication was acknowledged. A field changed again since then stays unpublished.

    Raises
    ------
    ValueError
        When a bucket is both appended to and dropped.
    """

    fields: Mapping[bytes, bytes | None] = field(default_factory=dict)
    appends: Mapping[str, bytes] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    offsets: Mapping[str, int] = field(default_factory=dict)
    unpublished: tuple[bytes, ...] = ()
    delivered: Mapping[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if both := set(self.dropped) & set(self.appends):
            raise ValueError(f"buckets both appended to and dropped: {sorted(both)}")

    @property
    def empty(self) -> bool:
        """Whether nothing changed; committing it would only confirm the ownership."""
        return not (self.fields or self.appends or self.dropped or self.offsets or self.unpublished or self.delivered)

    @property
    def size_bytes(self) -> int:
        """Bytes of values and field names, without the protocol's own."""
        fields = sum(len(name) + len(value or b"") for name, value in self.fields.items())
        return fields + sum(len(records) for records in self.appends.values())


@dataclass(frozen=True)
class Loaded:
    """A shard's whole state as taken over; from now on every older owner is fenced.

    `offsets` are the NEXT ones to read; `unpublished` maps fields to the seq that changed them: publish them again.
    A shard never seen before has `seq` 0 and nothing in it.
    """

    epoch: int
    seq: int
    fields: dict[bytes, bytes]
    buckets: dict[str, bytes]
    offsets: dict[str, int]
    unpublished: dict[bytes, int]

    @property
    def fresh(self) -> bool:
        """Whether no checkpoint of this shard ever landed."""
        return self.seq == 0


@dataclass(frozen=True)
class Resumed:
    """Nobody owned the shard since: what this owner kept in memory is still the state, under a new epoch."""

    epoch: int
    seq: int


@dataclass(frozen=True)
class Landed:
    """The checkpoint is in the store. `repeated`: an earlier attempt had landed, only its answer was lost."""

    seq: int
    repeated: bool = False


@dataclass(frozen=True)
class Fenced:
    """Another owner took the shard (or the store lost our takeover): nothing was written; drop the shard."""

    epoch: int | None


@dataclass(frozen=True)
class Stale:
    """The store's state is not the one we wrote last (a failover lost some): nothing was written; reload and seek."""

    seq: int | None


Outcome = Landed | Fenced | Stale
