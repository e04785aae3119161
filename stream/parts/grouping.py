"""Rows of a batch by kind, segment, pane and punctuality: the groups that each become a part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stream.parts.columns import Columns, OutcomeRows
from stream.parts.keys import ALL_ROWS, segment_label
from stream.timeline.panes import Int64Array, PaneScheme

# Flat counts of a dimension's groups take 8 bytes a cell; beyond this many, groups are counted in turns.
_MAX_FLAT_CELLS = 1 << 20


@dataclass(slots=True, frozen=True)
class Groups:
    """Disjoint groups of a batch's rows.

    Parameters
    ----------
    rows
        Indices of the rows that are in any group, group after group; within one in the order of the batch.
    bounds
        int64[groups + 1]: group i has `rows[bounds[i] : bounds[i + 1]]`; none is empty.
    kind, start_ms, on_time, age_ms
        For each group: the number of its kind, where its pane starts, whether its rows are on time, its rung.
    segment
        For each group its segment.
    """

    rows: Int64Array
    bounds: Int64Array
    kind: Int64Array
    start_ms: Int64Array
    on_time: NDArray[np.bool_]
    age_ms: Int64Array
    segment: Sequence[str]

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.kind)

    @property
    def of_row(self) -> Int64Array:
        """Group of each of `rows`."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield where each group's rows begin and end among `rows`."""
        bounds = self.bounds.tolist()
        return pairwise(bounds)


def groups_of(columns: Columns, panes: PaneScheme) -> Iterator[Groups]:
    """Yield the groups of each dimension: all rows, then one segmenting attribute after the other.

    Within a dimension no row is in two groups, so its groups can be counted at one go. O(n log n) for each.
    """
    slots = _Slots(columns.by_kind()[1], panes.starts(columns.timestamps_ms), columns.on_time)
    yield slots.split(None, [ALL_ROWS])
    for name, coded in zip(columns.compiled.segments, columns.segments, strict=True):
        yield slots.split(coded.codes, coded.names, name)


def outcome_groups_of(outcomes: OutcomeRows, panes: PaneScheme) -> Iterator[Groups]:
    """Yield the groups of all rows, then of the rows' first segment, of their second, and so on."""
    starts_ms = panes.starts(outcomes.predicted_ms)
    slots = _Slots(outcomes.by_kind()[1], starts_ms, outcomes.on_time, outcomes.rung_ms)
    yield slots.split(None, [ALL_ROWS])
    context = np.zeros(len(outcomes), dtype=np.int64) if outcomes.context is None else outcomes.context
    codes: dict[str, int] = {}
    for place in range(max(map(len, outcomes.contexts), default=0)):
        of_context = [
            codes.setdefault(segments[place], len(codes)) if place < len(segments) else -1
            for segments in outcomes.contexts
        ]
        yield slots.split(np.array(of_context, dtype=np.int64)[context], list(codes))


class _Slots:
    """Rows numbered by what they share in every dimension: kind, pane, rung and punctuality."""

    def __init__(
        self, kind: Int64Array, starts_ms: Int64Array, on_time: NDArray[np.bool_], age_ms: Int64Array | None = None
    ) -> None:
        self._kind, self._starts_ms, self._on_time = kind, starts_ms, on_time
        self._age_ms = np.zeros(len(kind), dtype=np.int64) if age_ms is None else age_ms
        slot = kind * 2 + on_time
        for column in (starts_ms, self._age_ms):
            if column.size and (column != column[0]).any():  # most batches lie in one pane
                values, codes = np.unique(column, return_inverse=True)
                slot = slot * len(values) + codes.reshape(-1)
        self._slot = slot

    def split(self, codes: Int64Array | None, names: Sequence[str], attribute: str = "") -> Groups:
        """Split rows by slot and code, one of `names`; code -1 is in no group."""
        if codes is None:
            codes = np.zeros(len(self._slot), dtype=np.int64)
        key = self._slot * (len(names) + 1) + codes + 1
        if key.size and codes[0] >= 0 and (key == key[0]).all():
            rows, bounds = np.arange(len(key)), np.array([0, len(key)])
        else:
            rows = np.argsort(key, kind="stable")
            if codes.size and int(codes.min()) < 0:
                rows = rows[codes[rows] >= 0]
            ordered = key[rows]
            edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
            bounds = np.concatenate(([0], edges, [len(rows)])) if rows.size else np.zeros(1, dtype=np.int64)
        first = rows[bounds[:-1]]
        some = codes[first].tolist()
        segment = [segment_label(attribute, names[code]) for code in some] if attribute else [names[c] for c in some]
        return Groups(
            rows, bounds, self._kind[first], self._starts_ms[first], self._on_time[first], self._age_ms[first], segment
        )


def counts_by_group(cells: NDArray[np.int64], totals: Int64Array, groups: Groups) -> Iterator[NDArray[np.int64]]:
    """Yield the cell counts of each group.

    Parameters
    ----------
    cells
        int64[n, subjects]: flat cells of all n rows, in the layout of each row's own kind.
    totals
        For each group the number of its kind's cells.
    groups
        Groups of the n rows.

    Notes
    -----
    One `bincount` over group x cell for as many groups as fit in 8 MB.
    """
    if len(groups) == 1 and len(groups.rows) == len(cells):  # all rows: nothing to pick
        yield np.bincount(cells.ravel(), minlength=int(totals[0]))
        return
    ends = np.cumsum(totals)
    first = 0
    while first < len(groups):
        start = int(ends[first] - totals[first])
        last = max(int(np.searchsorted(ends, start + _MAX_FLAT_CELLS, side="right")), first + 1)
        begin, end = int(groups.bounds[first]), int(groups.bounds[last])
        bases = (ends - totals)[first:last] - start
        flat = np.take(cells, groups.rows[begin:end], axis=0)
        flat += np.repeat(bases, np.diff(groups.bounds[first : last + 1]))[:, np.newaxis]
        counts = np.bincount(flat.ravel(), minlength=int(ends[last - 1]) - start)
        yield from np.split(counts, bases[1:])
        first = last
