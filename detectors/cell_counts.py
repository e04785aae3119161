"""How many rows fell into each cell of each feature: the histogram behind every distance."""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.cell_layout import CellLayout
from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

_VERSION: Final = 1


class CellCounts:
    """Exact counts per cell, for all features of a model at once.

    Memory: 8 bytes a cell. An update with n cells costs O(n + cells), one ``bincount``.

    Parameters
    ----------
    layout : CellLayout
        Which cells belong to which feature.

    Examples
    --------
    >>> counts = CellCounts(CellLayout((3, 2)))
    >>> counts.update(counts.layout.flat([np.array([0, 2]), np.array([1, 1])]))
    >>> counts.feature(1).tolist()
    [0, 2]
    """

    def __init__(self, layout: CellLayout) -> None:
        self.layout: Final = layout
        self.counts: NDArray[np.int64] = np.zeros(layout.total, dtype=np.int64)

    def update(self, flat_cells: NDArray[np.int64], weight: int = 1) -> None:
        """Count flat cells (any shape), ``weight`` times each; -1 takes back.

        Raises
        ------
        LayoutError
            If a cell lies outside the layout.
        """
        cells = np.ravel(flat_cells)
        if not cells.size:
            return
        if int(cells.min()) < 0 or int(cells.max()) >= self.layout.total:
            raise LayoutError(f"cells from {cells.min()} to {cells.max()} in a layout of {self.layout.total}")
        self.counts += weight * np.bincount(cells, minlength=self.layout.total)

    def add(self, counts: NDArray[np.int64]) -> None:
        """Add counts of all cells, as a grouped ``bincount`` over many profiles gives them."""
        if counts.shape != self.counts.shape:
            raise LayoutError(f"counts of shape {counts.shape} for {self.layout.total} cells")
        self.counts += counts

    def feature(self, index: int) -> NDArray[np.int64]:
        """Give the counts of one feature: a view that follows later updates."""
        return self.counts[self.layout.bounds(index)]

    def merge(self, other: Self) -> None:
        """Add the counts of ``other``; raises LayoutError if its layout differs."""
        if other.layout != self.layout:
            raise LayoutError(f"merge of cell counts with sizes {other.layout.sizes} into {self.layout.sizes}")
        self.counts += other.counts

    def snapshot(self) -> bytes:
        """Sizes and counts, packed."""
        return Writer(_VERSION).packed(self.layout.packed_sizes).ints(self.counts).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        sizes, counts = reader.ints(), reader.ints()
        reader.finish()
        if (sizes < 1).any() or int(sizes.sum()) != counts.size:
            raise SnapshotError(f"{counts.size} counts for cells of sizes {sizes.tolist()}")
        sketch = cls(CellLayout.of(tuple(sizes.tolist())))
        sketch.counts = counts
        return sketch
