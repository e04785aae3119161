"""Count, mean, variance and range of several numeric features at once."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Self

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
        bounds = np.array([0, len(rows)])
        if len(rows):
            self._set(_merged(self._state(), _State(*(column[0] for column in _of_groups(rows, bounds)))))

    def merge(self, other: Self) -> None:
        """Add what ``other`` has seen; raises LayoutError for another number of features."""
        if other.features != self.features:
            raise LayoutError(f"merge of moments of {other.features} features into {self.features}")
        self._set(_merged(self._state(), other._state()))

    @classmethod
    def add_groups(cls, sketches: Sequence[Self], rows: NDArray[np.float64], bounds: NDArray[np.int64]) -> None:
        """Add a group of rows to each of several sketches of equal features; what ``update`` would do one by one.

        Parameters
        ----------
        rows
            Shape (n, features), group after group.
        bounds
            Where the groups begin, and n: one more than sketches. None is empty.
        """
        before = _State(*(np.array(column) for column in zip(*(s._state() for s in sketches), strict=True)))  # noqa: SLF001 - of its own class
        after = _merged(before, _of_groups(rows, bounds))
        for index, sketch in enumerate(sketches):
            # Copies: a row of the common array would keep all of it alive.
            sketch._set(_State(*(column[index].copy() for column in after)))  # noqa: SLF001 - of its own class

    def _state(self) -> "_State":
        return _State(self.n, self.mean, self.m2, self.low, self.high)

    def _set(self, state: "_State") -> None:
        self.n, self.mean, self.m2, self.low, self.high = state

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


class _State(NamedTuple):
    """The five arrays, of one sketch (features,) or of several (sketches, features)."""

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def _of_groups(rows: NDArray[np.float64], bounds: NDArray[np.int64]) -> _State:
    """Moments of each group, shape (groups, features)."""
    starts, sizes = bounds[:-1], np.diff(bounds)
    valid = np.abs(rows) <= PLAUSIBLE
    whole = bool(valid.all())
    values = rows if whole else np.where(valid, rows, 0.0)
    if whole:
        n = np.repeat(sizes[:, np.newaxis], rows.shape[1], axis=1)
    else:
        n = np.add.reduceat(valid, starts, axis=0, dtype=np.int64)
    mean = np.add.reduceat(values, starts, axis=0) / np.maximum(n, 1)
    deviations = values - np.repeat(mean, sizes, axis=0)
    if not whole:
        deviations[~valid] = 0.0
    m2 = np.add.reduceat(np.square(deviations, out=deviations), starts, axis=0)
    low = np.minimum.reduceat(values if whole else np.where(valid, rows, np.inf), starts, axis=0)
    high = np.maximum.reduceat(values if whole else np.where(valid, rows, -np.inf), starts, axis=0)
    return _State(n, mean, m2, low, high)


def _merged(one: _State, other: _State) -> _State:
    n = one.n + other.n
    divisor = np.maximum(n, 1)
    low, high = np.minimum(one.low, other.low), np.maximum(one.high, other.high)
    mean = (one.n * one.mean + other.n * other.mean) / divisor
    m2 = one.m2 + other.m2 + (one.mean - other.mean) ** 2 * (one.n * other.n / divisor)
    # Rounding may push the mean of a constant feature out of its range by one bit.
    return _State(n, np.where(n > 0, np.clip(mean, low, high), 0.0), m2, low, high)
