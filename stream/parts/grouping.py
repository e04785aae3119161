"""Rows of a batch by segment, pane and punctuality: the groups that each become a part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.parts.columns import Columns
from stream.parts.keys import ALL_ROWS, segment_label
from stream.timeline.panes import Int64Array, PaneScheme

# Flat counts of a dimension's groups take 8 bytes a cell; beyond this many, groups are counted in turns.
_MAX_FLAT_CELLS = 1 << 20


@dataclass(slots=True, frozen=True)
class Group:
    """Rows of one segment, pane and punctuality, as indices in the batch."""

    segment: str
    pane_start_ms: int
    on_time: bool
    rows: Int64Array


def groups_of(columns: Columns, panes: PaneScheme) -> Iterator[list[Group]]:
    """Yield the groups of each dimension: all rows, then one segmenting attribute after the other.

    Within a dimension no row is in two groups, so its groups can be counted at one go. O(n log n) for each.
    """
    starts_of_rows = panes.starts(columns.timestamps_ms)
    if starts_of_rows.size and (starts_of_rows == starts_of_rows[0]).all():  # most batches lie in one pane
        starts, pane_of_row = starts_of_rows[:1], np.zeros(len(columns), dtype=np.int64)
    else:
        starts, pane_of_row = np.unique(starts_of_rows, return_inverse=True)
    # Even slots are late, odd ones on time.
    slot_of_row = pane_of_row * 2 + columns.on_time
    yield _split([ALL_ROWS], np.zeros(len(columns), dtype=np.int64), starts, slot_of_row)
    for name, coded in zip(columns.compiled.segments, columns.segments, strict=True):
        labels = [segment_label(name, value) for value in coded.names]
        yield _split(labels, coded.codes, starts, slot_of_row)


def _split(labels: Sequence[str], codes: Int64Array, starts: Int64Array, slot_of_row: Int64Array) -> list[Group]:
    """Split rows by label and slot; code -1 belongs to no label."""
    slots = 2 * len(starts)
    group_of_row = codes * slots + slot_of_row
    if group_of_row.size and group_of_row[0] >= 0 and (group_of_row == group_of_row[0]).all():
        groups, members = group_of_row[:1], [np.arange(len(codes))]
    else:
        order = np.argsort(group_of_row, kind="stable")
        order = order[np.searchsorted(group_of_row[order], 0) :]
        groups, first = np.unique(group_of_row[order], return_index=True)
        members = np.split(order, first[1:]) if groups.size else []
    return [
        Group(labels[group // slots], int(starts[group % slots // 2]), bool(group % 2), rows)
        for group, rows in zip(groups.tolist(), members, strict=True)
    ]


def refine(groups: Int64Array, column: Int64Array) -> Int64Array:
    """Split groups (numbered from 0) by a column's values; the new ones are numbered in the order of (group, value)."""
    if not column.size or (column == column[0]).all():
        return groups
    values, codes = np.unique(column, return_inverse=True)
    refined: Int64Array = np.unique(groups * len(values) + codes.reshape(-1), return_inverse=True)[1]
    return refined.reshape(-1)


def counts_by_group(cells: NDArray[np.int64], total: int, groups: Sequence[Group]) -> Iterator[NDArray[np.int64]]:
    """Yield the int64[total] cell counts of each group.

    Parameters
    ----------
    cells
        int64[n, subjects]: flat cells, offsets included.
    total
        Number of cells.
    groups
        Disjoint groups of the n rows.

    Notes
    -----
    One `bincount` over group x cell for as many groups as fit in 8 MB.
    """
    at_once = max(_MAX_FLAT_CELLS // total, 1)
    for first in range(0, len(groups), at_once):
        some = groups[first : first + at_once]
        if len(some) == 1 and len(some[0].rows) == len(cells):  # all rows: nothing to pick
            yield np.bincount(cells.ravel(), minlength=total)
            continue
        rows = np.concatenate([group.rows for group in some])
        offsets = np.repeat(np.arange(len(some)) * total, [len(group.rows) for group in some])
        flat = (cells[rows] + offsets[:, np.newaxis]).ravel()
        yield from np.bincount(flat, minlength=len(some) * total).reshape(len(some), total)
