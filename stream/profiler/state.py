"""A shard's state as named fields: small MessagePack values and the parts' own snapshots. Data, never code."""

from collections.abc import Iterator, Mapping

import msgspec

from stream.parts.keys import PartKey
from stream.profiler.counts import TopicCounts
from stream.profiler.watermarks import NEVER_MS

META = b"meta"
_PART_PREFIX = b"p|"


class Meta(msgspec.Struct, array_like=True):
    """What is small and changes with every batch. Fields are only ever appended."""

    predictions_newest_ms: int = NEVER_MS
    predictions_floor_ms: int = NEVER_MS
    labels_newest_ms: int = NEVER_MS
    labels_floor_ms: int = NEVER_MS
    predictions: TopicCounts = msgspec.field(default_factory=TopicCounts)
    labels: TopicCounts = msgspec.field(default_factory=TopicCounts)
    anonymous: bool = False
    joined: dict[int, int] = {}
    unmatched: int = 0
    loss: str = ""
    loss_ms: int = 0
    undeclared_ms: int | None = None
    day: int = -1
    names_from_day: int = 0


_META_DECODER = msgspec.msgpack.Decoder(Meta)
_KEY_DECODER = msgspec.msgpack.Decoder(PartKey)


def encode_meta(meta: Meta) -> bytes:
    """Return the field's value."""
    return msgspec.msgpack.encode(meta)


def decode_meta(fields: Mapping[bytes, bytes]) -> Meta:
    """Return the meta field of a shard's state; all zero for a shard that never wrote one."""
    value = fields.get(META)
    return Meta() if value is None else _META_DECODER.decode(value)


def part_field(key: PartKey) -> bytes:
    """Return the field that holds a part's body."""
    return _PART_PREFIX + msgspec.msgpack.encode(key)


def part_key(field: bytes) -> PartKey:
    """Return the key of the part that a field holds."""
    return _KEY_DECODER.decode(field[len(_PART_PREFIX) :])


def stored_parts(fields: Mapping[bytes, bytes]) -> Iterator[tuple[PartKey, bytes]]:
    """Yield (key, body) of every part in a shard's state."""
    for field, body in fields.items():
        if field.startswith(_PART_PREFIX):
            yield part_key(field), body
