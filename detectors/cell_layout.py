"""Where the cells of several features lie in one flat array."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError
from detectors.packing import pack_ints


@dataclass(frozen=True)
class CellLayout:
    """The cells of several features, one behind the other.

    Parameters
    ----------
    sizes : tuple of int
        Cells of each feature (``Grid.size`` or ``Vocabulary.size``), each at least 1.

    Raises
    ------
    LayoutError
        If a size is below 1.

    Examples
    --------
    >>> layout = CellLayout((3, 2))
    >>> layout.total, layout.offsets.tolist()
    (5, [0, 3])
    """

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.sizes, default=1) < 1:
            raise LayoutError(f"every feature has at least one cell, got sizes {self.sizes}")

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """First flat cell of each feature."""
        offsets = np.zeros(len(self.sizes), dtype=np.int64)
        np.cumsum(self.sizes[:-1], out=offsets[1:])
        offsets.flags.writeable = False
        return offsets

    @cached_property
    def total(self) -> int:
        """Number of cells over all features."""
        return sum(self.sizes)

    @cached_property
    def packed_sizes(self) -> bytes:
        """The sizes as snapshots hold them: the same in every snapshot of a layout."""
        return pack_ints(np.array(self.sizes, dtype=np.int64))

    @staticmethod
    @lru_cache(maxsize=1024)  # every snapshot of a model has the same
    def of(sizes: tuple[int, ...]) -> "CellLayout":
        """Return the layout of these sizes, one object for all who ask; LayoutError as above."""
        return CellLayout(sizes)

    def flat(self, columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Flat cells of rows given as one column of cells per feature.

        Returns
        -------
        ndarray of int64, shape (features, rows)

        Raises
        ------
        LayoutError
            If the number of columns is not the number of features.
        """
        if len(columns) != len(self.sizes):
            raise LayoutError(f"{len(columns)} columns for {len(self.sizes)} features")
        if not columns:
            return np.zeros((0, 0), dtype=np.int64)
        flat: NDArray[np.int64] = np.stack(columns) + self.offsets[:, None]
        return flat

    def bounds(self, feature: int) -> slice:
        """Flat cells of feature number ``feature``."""
        start = int(self.offsets[feature])
        return slice(start, start + self.sizes[feature])
