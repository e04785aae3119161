"""Count, mean, variance and range of several numeric features at once."""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

PLAUSIBLE: Final = 1e100
"""Larger values count as non-finite: the square of 1e308 is infinite and would spoil the variance for ever."""

_VERSION: Final = 1


class Moments:
    """Mean, centred second moment and range per feature, merged pairwise.

    Floating point: merges in another order may differ in the last bits, so nothing is decided on these alone.
    Memory: 40 bytes a feature. An update with n rows costs O(n * features).

    Parameters
    ----------
    features : int
        Number of features, the columns of every update.

    Attributes
    ----------
    n : ndarray of int64
        Finite values per feature; missing, infinite and implausible (beyond 1e100) ones are left out.
    mean, m2, low, high : ndarray of float64
        Mean, sum of squared deviations from it, smallest and largest value. Without values: 0, 0, +inf, -inf.

    Notes
    -----
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37 (1983).

    Examples
    --------
    >>> moments = Moments(1)
    >>> moments.update(np.array([[1.0], [3.0], [np.nan]]))
    >>> moments.mean.tolist(), moments.variance().tolist()
    ([2.0], [2.0])
    """

    def __init__(self, features: int) -> None:
        self.features: Final = features
        self.n: NDArray[np.int64] = np.zeros(features, dtype=np.int64)
        self.mean: NDArray[np.float64] = np.zeros(features)
        self.m2: NDArray[np.float64] = np.zeros(features)
        self.low: NDArray[np.float64] = np.full(features, np.inf)
        self.high: NDArray[np.float64] = np.full(features, -np.inf)

    def update(self, rows: NDArray[np.float64]) -> None:
        """Add rows, shape (n, features); raises LayoutError for another number of columns."""
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise LayoutError(f"rows of shape {rows.shape} for {self.features} features")
        valid = np.abs(rows) <= PLAUSIBLE
        values = np.where(valid, rows, 0.0)
        batch = type(self)(self.features)
        batch.n = valid.sum(axis=0, dtype=np.int64)
        batch.mean = values.sum(axis=0) / np.maximum(batch.n, 1)
        batch.m2 = np.square(np.where(valid, values - batch.mean, 0.0)).sum(axis=0)
        batch.low = np.where(valid, values, np.inf).min(axis=0, initial=np.inf)
        batch.high = np.where(valid, values, -np.inf).max(axis=0, initial=-np.inf)
        self.merge(batch)

    def merge(self, other: Self) -> None:
        """Add what ``other`` has seen; raises LayoutError for another number of features."""
        if other.features != self.features:
            raise LayoutError(f"merge of moments of {other.features} features into {self.features}")
        n = self.n + other.n
        divisor = np.maximum(n, 1)
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        mean = (self.n * self.mean + other.n * other.mean) / divisor
        self.m2 = self.m2 + other.m2 + (self.mean - other.mean) ** 2 * (self.n * other.n / divisor)
        # Rounding may push the mean of a constant feature out of its range by one bit.
        self.mean = np.where(n > 0, np.clip(mean, low, high), 0.0)
        self.n, self.low, self.high = n, low, high

    def variance(self, ddof: int = 1) -> NDArray[np.float64]:
        """Variance per feature with divisor n - ddof; NaN where that is not positive."""
        divisor = (self.n - ddof).astype(np.float64)
        return self.m2 / np.where(divisor > 0, divisor, np.nan)

    def snapshot(self) -> bytes:
        """Five arrays as bytes, about 40 a feature."""
        writer = Writer(_VERSION).ints(self.n)
        for column in (self.mean, self.m2, self.low, self.high):
            writer.floats(column)
        return writer.finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        n = reader.ints()
        columns = [reader.floats() for _ in range(4)]
        reader.finish()
        if any(column.size != n.size for column in columns):
            raise SnapshotError("columns of the moments differ in length")
        sketch = cls(n.size)
        sketch.n = n
        sketch.mean, sketch.m2, sketch.low, sketch.high = columns
        return sketch
