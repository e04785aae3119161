"""The cells of many numeric features at once: a table look-up in place of a binary search for each value."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError
from detectors.grid import Grid

BUCKETS: Final = 2_048
"""Equal slices of a grid's range, so that few hold more than two edges; 8 kB a feature, and all fit in the cache."""

AT_ONCE: Final = 1_024
"""Rows looked up at a time, so that each step finds them in the cache: eight times as many take twice as long each."""

MAX_STEPS: Final = 12
"""A grid with more edges in one slice is searched instead: each step costs about 3 ns a value, a search some 80."""


class CellFinder:
    """Finds flat cells: those of feature i begin at ``offsets[i]``.

    A monotone map cuts each grid's range into equal buckets, and a table says how many edges lie in the buckets before
    a value's own. What is left to add are the edges of its own bucket that are not above it, one step each. A rounded
    subtraction and multiplication are monotone, so the answer is that of :meth:`Grid.cells` for every double.
    Memory: 8 kB and the edges for each feature. O(values * most edges in a bucket).

    Parameters
    ----------
    grids : sequence of Grid
        One for each column.
    offsets : sequence of int
        First flat cell of each column.

    Raises
    ------
    LayoutError
        If there are not as many offsets as grids.

    Examples
    --------
    >>> finder = CellFinder([Grid([0.0, 1.0]), Grid([5.0])], [0, 5])
    >>> finder.cells(np.array([[0.5, 7.0], [np.nan, -np.inf]])).tolist()
    [[1, 6], [3, 8]]
    """

    def __init__(self, grids: Sequence[Grid], offsets: Sequence[int]) -> None:
        if len(grids) != len(offsets):
            raise LayoutError(f"{len(offsets)} offsets for {len(grids)} grids")
        self._grids: Final = tuple(grids)
        self._offsets: Final = np.array(offsets, dtype=np.int64)
        first = np.array([grid.edges[0] for grid in grids])
        last = np.array([grid.edges[-1] for grid in grids])
        with np.errstate(over="ignore"):
            span = last - first
        # Of a range without a width, or wider than any double, all edges lie in one bucket: it is searched.
        usable = (span > 1e-300) & np.isfinite(span)
        self._first: Final = np.where(usable, first, 0.0)
        self._scale: Final = np.where(usable, (BUCKETS - 2) / np.where(usable, span, 1.0), 0.0)
        tables, steps = zip(*map(self._table, range(len(grids))), strict=True) if grids else ((), ())
        self._searched: Final = tuple(i for i, most in enumerate(steps) if most > MAX_STEPS)
        self._steps: Final = max((most for most in steps if most <= MAX_STEPS), default=0)
        self._tables: Final = np.concatenate(tables) if tables else np.zeros(0, dtype=np.int64)
        self._rows: Final = np.arange(len(grids), dtype=np.int64) * BUCKETS
        self._edges: Final = self._flat_edges()

    def cells(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Flat cell of each value, shape (rows, features) as given; NaN and infinities in their own cells."""
        if len(values) <= AT_ONCE:
            return self._cells(values)
        cells = np.empty(values.shape, dtype=np.int64)
        for first in range(0, len(values), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            cells[some] = self._cells(values[some])
        return cells

    def _cells(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        finite = np.isfinite(values)
        whole = bool(finite.all())
        known = values if whole else np.where(finite, values, 0.0)
        buckets = self._bucket(known, self._first, self._scale)
        buckets += self._rows
        found: NDArray[np.int64] = self._tables[buckets]
        for _ in range(self._steps):
            found += self._edges[found] <= known
        for column in self._searched:
            found[:, column] = self._grids[column].cells(known[:, column]) + self._offsets[column]
        if not whole:
            self._place_odd(found, values, finite)
        return found

    def _place_odd(self, found: NDArray[np.int64], values: NDArray[np.float64], finite: NDArray[np.bool_]) -> None:
        rows, columns = np.nonzero(~finite)
        missing = np.array([grid.missing for grid in self._grids], dtype=np.int64) + self._offsets
        # Cells of the infinities come right after those of NaN.
        found[rows, columns] = missing[columns] + ~np.isnan(values[rows, columns])

    @staticmethod
    def _bucket(
        values: NDArray[np.float64], first: NDArray[np.float64] | np.float64, scale: NDArray[np.float64] | np.float64
    ) -> NDArray[np.int64]:
        with np.errstate(over="ignore"):  # 1e308 less -1e308: as far out as can be
            place = (values - first) * scale
        np.clip(place, -1.0, BUCKETS - 2.0, out=place)
        place += 1.0
        buckets: NDArray[np.int64] = place.astype(np.int64)
        return buckets

    def _table(self, column: int) -> tuple[NDArray[np.int64], int]:
        """For each bucket the flat cell below its first edge; and the most edges in any bucket."""
        edges = self._grids[column].edges
        held = np.bincount(self._bucket(edges, self._first[column], self._scale[column]), minlength=BUCKETS)
        before = np.cumsum(held) - held
        return before + self._offsets[column], int(held.max())

    def _flat_edges(self) -> NDArray[np.float64]:
        """Edges by flat cell: the one above each cell, infinity above the last."""
        size = max((int(o) + g.size for g, o in zip(self._grids, self._offsets, strict=True)), default=0)
        flat = np.full(size, np.inf)
        for grid, offset in zip(self._grids, self._offsets.tolist(), strict=True):
            flat[offset : offset + grid.edges.size] = grid.edges
        return flat
