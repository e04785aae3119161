"""A uniform sample of rows that shards can draw apart and merge: the rows whose ids have the smallest hashes."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

_VERSION: Final = 1
_GREATEST: Final = (1 << 64) - 1


class BottomK:
    """The k rows with the smallest 64-bit hashes of their ids, each id once.

    A row is in or out by its id alone: no random numbers, and a replay draws the same rows. A uniform sample without
    replacement as long as the hash has nothing to do with the values. Memory: k (8 width + 8 bytes and an id).

    Parameters
    ----------
    k : int
        Rows kept, at least 1.
    width : int
        Numbers in a row; 0 keeps only ids.

    Attributes
    ----------
    hashes : ndarray of uint64, shape (n,)
        Ascending; n <= k.
    ids : list of str
        Ids of the rows, in the order of ``hashes``.
    values : ndarray of float64, shape (n, width)
        The rows.

    Notes
    -----
    Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007. Of two rows with the same hash the one
    with the smaller (id, bytes of the values) stays, so that the order of arrival does not matter.

    Examples
    --------
    >>> sample = BottomK(k=2, width=1)
    >>> sample.update(np.array([30, 10, 20], dtype=np.uint64), ["c", "a", "b"], np.array([[3.0], [1.0], [2.0]]))
    >>> sample.ids, sample.values.ravel().tolist()
    (['a', 'b'], [1.0, 2.0])
    """

    def __init__(self, k: int, width: int) -> None:
        if k < 1 or width < 0:
            raise ValueError(f"k is at least 1 and width at least 0, got {k} and {width}")
        self.k: Final = k
        self.width: Final = width
        self.hashes: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self.ids: list[str] = []
        self.values: NDArray[np.float64] = np.zeros((0, width))

    def update(self, hashes: NDArray[np.uint64], ids: Sequence[str], values: NDArray[np.float64]) -> None:
        """Offer rows: hashes (n,), ids (n,), values (n, width).

        Once k rows are kept, nearly all rows of a batch are turned away by one comparison.

        Raises
        ------
        LayoutError
            If the shapes do not fit.
        """
        if values.shape != (hashes.size, self.width) or len(ids) != hashes.size:
            raise LayoutError(f"{hashes.size} hashes, {len(ids)} ids, values of shape {values.shape}")
        rows = np.flatnonzero(self.candidates(hashes))
        if not rows.size:
            return
        all_hashes = np.concatenate((self.hashes, hashes[rows]))
        all_ids = self.ids + [ids[row] for row in rows.tolist()]
        all_values = np.concatenate((self.values, values[rows]))
        kept = _smallest(all_hashes, all_ids, all_values)[: self.k]
        self.hashes = all_hashes[kept]
        self.ids = [all_ids[row] for row in kept.tolist()]
        self.values = all_values[kept]

    def add_ids(self, hashes: list[int], ids: list[str]) -> None:
        """Offer rows without numbers, as ``update`` does: of a few, sorting in Python is faster than arrays.

        Raises
        ------
        LayoutError
            If rows have numbers here.
        """
        if self.width:
            raise LayoutError(f"rows of {self.width} numbers, and none given")
        kept: dict[int, str] = {}
        for row, name in sorted(zip([*self.hashes.tolist(), *hashes], [*self.ids, *ids], strict=True)):
            if row not in kept:  # of equal hashes the smallest id comes first
                if len(kept) == self.k:
                    break
                kept[row] = name
        self.hashes = np.array(list(kept), dtype=np.uint64)
        self.ids = list(kept.values())
        self.values = np.zeros((len(kept), 0))

    def candidates(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say which of some rows would be kept if each came alone: a caller need not lay out the others.

        Before k rows are kept, the k smallest of them and all that tie.
        """
        if self.hashes.size == self.k:
            # A hash equal to the largest kept one is looked at: it may be the same row with other contents.
            limit = self.hashes[-1]
        elif hashes.size <= self.k:
            return np.ones(hashes.size, dtype=np.bool_)
        else:
            # Some of the smallest may be one id repeated: only distinct hashes fill the sample.
            limit = np.unique(hashes)[: self.k][-1]
        near: NDArray[np.bool_] = hashes <= limit
        return near

    @property
    def limit(self) -> int:
        """Greatest hash that may still be kept."""
        return int(self.hashes[-1]) if self.hashes.size == self.k else _GREATEST

    def merge(self, other: Self) -> None:
        """Take the smallest of both; raises LayoutError if k or width differ."""
        if (other.k, other.width) != (self.k, self.width):
            raise LayoutError(f"merge of a sample of {other.k} x {other.width} into {self.k} x {self.width}")
        self.update(other.hashes, other.ids, other.values)

    def snapshot(self) -> bytes:
        """Hashes, ids and values."""
        writer = Writer(_VERSION).integer(self.k).integer(self.width)
        return writer.hashes(self.hashes).texts(self.ids).floats(self.values).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        k, width = reader.integer(), reader.integer()
        hashes, ids, values = reader.hashes(), reader.texts(), reader.floats()
        reader.finish()
        if k < hashes.size or width < 0 or len(ids) != hashes.size or values.size != hashes.size * width:
            raise SnapshotError(f"{hashes.size} hashes, {len(ids)} ids, {values.size} numbers in a sample of {k}")
        sketch = cls(max(k, 1), width)
        sketch.hashes, sketch.ids, sketch.values = hashes, ids, values.reshape(hashes.size, width)
        return sketch


def _smallest(hashes: NDArray[np.uint64], ids: list[str], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows in the order of their hashes, one for each hash."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    if starts.size < order.size:
        ends = np.append(starts[1:], order.size)
        for start in np.flatnonzero(ends - starts > 1).tolist():
            tied = order[starts[start] : ends[start]].tolist()
            order[starts[start]] = min(tied, key=lambda row: (ids[row], values[row].tobytes()))
    kept: NDArray[np.int64] = order[starts]
    return kept
