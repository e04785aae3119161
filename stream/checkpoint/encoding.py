"""A delta as script arguments: sections, cut into pieces that one call may carry."""

from collections.abc import Iterator

from stream.checkpoint.names import ShardName
from stream.checkpoint.requests import Argument, Call
from stream.checkpoint.values import Delta

MAX_ITEMS = 4_000
MAX_BYTES = 8_000_000
# One call stays below both: Redis does nothing else while a script runs (about 5 ms for 4 MB).

Item = tuple[Argument, ...]


def commit_calls(shard: ShardName, delta: Delta, epoch: int, seq: int) -> list[Call]:
    """Compose the calls that write `delta` as checkpoint `seq` (the one before is `seq - 1`), in order.

    One call as a rule; above `MAX_ITEMS` items or `MAX_BYTES` bytes all but the last pieces are staged first, and the
    last call applies everything at once.
    """
    touched = (*delta.appends, *delta.dropped)
    index = {name: len(shard.fixed) + 1 + i for i, name in enumerate(touched)}
    *staged, final = list(_pieces(delta, seq, index)) or [()]
    guard = (epoch, seq - 1, seq)
    calls = [Call("stage", shard.fixed, (*guard, i, *piece)) for i, piece in enumerate(staged, 1)]
    keys = (*shard.fixed, *(shard.bucket(name) for name in touched))
    return [*calls, Call("checkpoint", keys, (*guard, len(staged), *final))]


def _items(delta: Delta, seq: int, index: dict[str, int]) -> Iterator[tuple[str, Item]]:
    for field, value in delta.fields.items():
        yield ("delete", (field,)) if value is None else ("set", (field, value))
    for field, acknowledged in delta.delivered.items():
        yield "delivered", (field, acknowledged)
    for field in delta.unpublished:
        yield "publish", (field, seq)
    for bucket, records in delta.appends.items():
        yield "append", (index[bucket], bucket, records)
    for bucket in delta.dropped:
        yield "drop", (index[bucket], bucket)
    for topic, offset in delta.offsets.items():
        yield "offset", (topic, offset)


def _pieces(delta: Delta, seq: int, index: dict[str, int]) -> Iterator[tuple[Argument, ...]]:
    sections: dict[str, list[Argument]] = {}
    items = size = 0
    for name, item in _items(delta, seq, index):
        weight = sum(len(part) for part in item if not isinstance(part, int))
        if items and (items >= MAX_ITEMS or size + weight > MAX_BYTES):
            yield _flatten(sections)
            sections, items, size = {}, 0, 0
        sections.setdefault(name, []).extend(item)
        items, size = items + 1, size + weight
    if items:
        yield _flatten(sections)


def _flatten(sections: dict[str, list[Argument]]) -> tuple[Argument, ...]:
    flat: list[Argument] = []
    for name, values in sections.items():
        flat += [name, len(values), *values]
    return tuple(flat)
