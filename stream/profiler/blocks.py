"""A batch of messages cut into blocks: runs of batch messages that can be counted by column, and everything else.

What a shard computes does not depend on how its log is cut, so a block is counted as a batch of its own.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from stream.model.catalog import Catalog
from stream.profiler.batch_message import read_batch
from stream.profiler.column_fields import ColumnFields, joined
from stream.profiler.config import Limits
from stream.profiler.decode import Decoded
from stream.profiler.messages import RawBatch
from tidegauge.events import Prediction

LEAST_BYTES: Final = 2_048
"""A smaller message holds so few rows that they cost less among their neighbours."""

BLOCK_ROWS: Final = 8_192
"""Messages are put together until they hold so many rows: of fewer, the calls cost more than the rows; more would only
take memory."""

BLOCK_BYTES: Final = 4_000_000
"""So much of large messages is read row by row at once: as rows they are ten times as large."""


class Block(NamedTuple):
    """Consecutive messages; `decoded` where they are laid out by column, None where they are to be read row by row."""

    batch: RawBatch
    decoded: Decoded[Prediction, ColumnFields] | None


def blocks(batch: RawBatch, next_offset: int | None, catalog: Catalog, limits: Limits) -> Iterator[Block]:
    """Cut a batch, in order; an empty one is a block too. Memory: one block is read at a time.

    Parameters
    ----------
    next_offset
        Messages before it were read before, and are left alone.
    catalog
        Only models that have grids are counted by column: others are sampled row by row.
    """
    if not any(value is not None and len(value) >= LEAST_BYTES for value in batch.values):
        yield Block(batch, None)
        return
    first, size, parts = 0, 0, list[ColumnFields]()
    for index, raw in enumerate(batch.values):
        fields, length = None, len(raw or b"")
        if raw is not None and length >= LEAST_BYTES and b'"batch"' in raw:
            unread = next_offset is None or batch.offsets[index] >= next_offset
            fields = read_batch(raw, limits) if unread else None
        if fields is not None and not _has_grids(fields.model, catalog):
            fields = None
        if index > first and (not _goes_on(parts, fields) or size + length > BLOCK_BYTES):
            yield _block(batch.part(first, index), parts)
            first, size, parts = index, 0, []
        size += length
        if fields is not None:
            parts.append(fields)
    yield _block(batch.part(first, len(batch.values)), parts)


def _goes_on(parts: list[ColumnFields], fields: ColumnFields | None) -> bool:
    """Whether a message belongs to the block before it."""
    if fields is None or not parts:
        return fields is None and not parts
    return parts[0].alike(fields) and sum(len(part.ids) for part in parts) + len(fields.ids) <= BLOCK_ROWS


def _block(batch: RawBatch, parts: list[ColumnFields]) -> Block:
    if not parts:
        return Block(batch, None)
    message_of_row = np.repeat(np.arange(len(parts)), [len(part.ids) for part in parts])
    lay_out: Callable[[object], ColumnFields] = lambda _: joined(parts)  # noqa: E731 - typed
    return Block(batch, Decoded(lay_out, message_of_row=message_of_row))


def _has_grids(model: str, catalog: Catalog) -> bool:
    revisions = catalog.revisions(model)
    return bool(revisions) and not any(revision.learning for revision in revisions)
