"""Count, mean, variance and range of several numeric features at once."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

PLAUSIBLE: Final = 1e100
"""Larger values count as non-finite: the square of 1e308 is infinite and would spoil the variance for ever."""

_VERSION: Final = 1
_LARGE: Final = 64
"""Rows a group, on average, from which features are laid out one after the other."""


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
            Where the groups begin, and n: one more than sketches. None is empty. A sketch may be named more than once.
        """
        found = _of_groups(rows, bounds)
        if len(set(map(id, sketches))) < len(sketches):  # two revisions of a model may count into one part
            for index, sketch in enumerate(sketches):
                sketch._set(_merged(sketch._state(), _State(*(column[index] for column in found))))  # noqa: SLF001 - of its own class
            return
        before = _State(*(np.array(column) for column in zip(*(s._state() for s in sketches), strict=True)))  # noqa: SLF001 - of its own class
        after = _merged(before, found)
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
        columns = np.array((self.mean, self.m2, self.low, self.high))
        return Writer(_VERSION).ints(self.n).rows_of_floats(columns).finish()

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
    if len(rows) < _LARGE * (len(bounds) - 1):
        sizes = np.diff(bounds)
        return _reduced(rows, bounds, 0, lambda values, mean: values - np.repeat(mean, sizes, axis=0))
    # Along contiguous memory a reduction takes a fifth of the time, far more than the copy costs.
    found = _reduced(np.ascontiguousarray(rows.T), bounds, 1, partial(_deviations, bounds.tolist()))
    return _State(found.n.T, found.mean.T, found.m2.T, found.low.T, found.high.T)


def _deviations(bounds: list[int], values: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (features, n) less the mean of their groups (features, groups); group by group, because they are large."""
    deviations = np.empty_like(values)
    for group, (begin, end) in enumerate(pairwise(bounds)):
        np.subtract(values[:, begin:end], mean[:, group : group + 1], out=deviations[:, begin:end])
    return deviations


def _reduced(
    values: NDArray[np.float64],
    bounds: NDArray[np.int64],
    axis: int,
    deviations_of: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> _State:
    """Reduce groups of rows, which lie along an axis."""
    starts = bounds[:-1]
    invalid = ~(np.abs(values) <= PLAUSIBLE)
    whole = not invalid.any()
    known = values if whole else np.where(invalid, 0.0, values)
    n = np.expand_dims(np.diff(bounds), 1 - axis)
    n = np.repeat(n, values.shape[1 - axis], axis=1 - axis)
    if not whole:
        n -= np.add.reduceat(invalid, starts, axis=axis, dtype=np.int64)
    mean = np.add.reduceat(known, starts, axis=axis) / np.maximum(n, 1)
    deviations = deviations_of(known, mean)
    if not whole:
        deviations[invalid] = 0.0
    m2 = np.add.reduceat(np.square(deviations, out=deviations), starts, axis=axis)
    low = np.minimum.reduceat(known if whole else np.where(invalid, np.inf, values), starts, axis=axis)
    high = np.maximum.reduceat(known if whole else np.where(invalid, -np.inf, values), starts, axis=axis)
    return _State(n, mean, m2, low, high)


def _merged(one: _State, other: _State) -> _State:
    n = one.n + other.n
    divisor = np.maximum(n, 1)
    low, high = np.minimum(one.low, other.low), np.maximum(one.high, other.high)
    mean = (one.n * one.mean + other.n * other.mean) / divisor
    m2 = one.m2 + other.m2 + (one.mean - other.mean) ** 2 * (one.n * other.n / divisor)
    # Rounding may push the mean of a constant feature out of its range by one bit.
    return _State(n, np.where(n > 0, np.clip(mean, low, high), 0.0), m2, low, high)
