"""Read a shard's whole state, in requests small enough for Redis to stay responsive."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from stream.checkpoint.errors import StateLostError
from stream.checkpoint.names import ShardName
from stream.checkpoint.requests import Read, Reply, Request

FIRST_FIELDS = 16
PAGE_FIELDS = 1_000
PAGE_BYTES = 8_000_000
"""A reply must be whole within a client's timeout of 2 s, and Redis does nothing else while it makes one."""

OFFSET = b"offset:"


@dataclass(frozen=True)
class Stored:
    """Everything the store holds of a shard."""

    meta: dict[bytes, bytes]
    fields: dict[bytes, bytes]
    buckets: dict[str, bytes]
    unpublished: dict[bytes, int]

    @property
    def offsets(self) -> dict[str, int]:
        """Topic -> next offset."""
        return {k.removeprefix(OFFSET).decode(): int(v) for k, v in self.meta.items() if k.startswith(OFFSET)}


def load(shard: ShardName) -> Generator[Request, Reply, Stored]:
    """Read all of it. `meta` is read last: an epoch in it that is not the reader's own says that the rest may be torn.

    Raises StateLostError when a bucket is not as long as the checkpoints made it.
    """
    fields = yield from read_hash(shard.fields)
    unpublished = yield from read_hash(shard.unpublished)
    lengths = {k.decode(): int(v) for k, v in (yield from read_hash(shard.buckets)).items()}
    buckets: dict[str, bytes] = {}
    for names in _pages(lengths):
        values = yield Read(("MGET", *(shard.bucket(name) for name in names)))
        buckets.update(zip(names, (value or b"" for value in values), strict=True))
    meta = yield from read_hash(shard.meta)
    return Stored(meta, fields, _checked(shard, buckets, lengths), {k: int(v) for k, v in unpublished.items()})


def read_hash(key: str) -> Generator[Request, Reply, dict[bytes, bytes]]:
    """Page through a hash: nobody else writes it, so the pages add up to one state.

    A field has ten bytes, or a quarter of a million (a pane of 512 features): each page says how many the next may ask
    for.
    """
    found: dict[bytes, bytes] = {}
    cursor, count = 0, FIRST_FIELDS
    while True:
        position, page = yield Read(("HSCAN", key, cursor, "COUNT", count))
        # redis-py gives a mapping or a flat list, by version and protocol.
        fields = page if isinstance(page, Mapping) else dict(zip(page[::2], page[1::2], strict=True))
        found.update(fields)
        cursor = int(position)
        if not cursor:
            return found
        size = sum(map(len, fields.values()))
        count = max(1, min(PAGE_FIELDS, 8 * count, count * PAGE_BYTES // max(size, 1)))


def _pages(lengths: dict[str, int]) -> Iterator[list[str]]:
    page: list[str] = []
    size = 0
    for name, length in lengths.items():
        if page and size + length > PAGE_BYTES:
            yield page
            page, size = [], 0
        page.append(name)
        size += length
    if page:
        yield page


def _checked(shard: ShardName, buckets: dict[str, bytes], lengths: dict[str, int]) -> dict[str, bytes]:
    for name, length in lengths.items():
        if len(buckets[name]) != length:
            raise StateLostError(
                f"Redis holds {len(buckets[name])} of {length} bytes of {shard.bucket(name)}: "
                "was a key evicted or deleted? Set maxmemory-policy to noeviction"
            )
    return buckets
