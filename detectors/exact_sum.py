"""Sums that do not depend on the order of their terms: fixed point, not floating point.

A sum that decides an alert must be the same on 1 or 100 workers. Floating-point addition is not associative;
integers are, so every value is rounded once to a multiple of 2**-24 and the rest is exact.
"""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.packing import Reader, Writer

FRACTION_BITS: Final = 24
"""A unit is 2**-24, the resolution of a single-precision score in [0.5, 1)."""

LIMIT: Final = 2.0**31
"""Largest absolute value that is summed; 2**55 units, so the conversion to int64 is exact."""

FINE_BITS: Final = 96
"""Resolution of :func:`sum_fine`, for sums whose terms may be tiny, as squares of small errors are."""

_LOW_BITS: Final = 28
_LOW_MASK: Final = (1 << _LOW_BITS) - 1
_VERSION: Final = 1
_LIMB_BITS: Final = 32
_TOP_BITS: Final = 32
"""Exponent of the first limb's unit, and more for large values: each limb is a whole number within +-2**31, so 2**32 of
them fit in 64 bits."""


def to_units(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round values within ``LIMIT`` to whole units, half to even."""
    units: NDArray[np.int64] = np.rint(values * 2.0**FRACTION_BITS).astype(np.int64)
    return units


def sum_units(units: NDArray[np.int64]) -> int:
    """Sum units exactly, in two halves, because 2**8 of the largest would already overflow 64 bits."""
    high = int((units >> _LOW_BITS).sum())
    return (high << _LOW_BITS) + int((units & _LOW_MASK).sum())


def sum_fine(rows: NDArray[np.float64]) -> list[int]:
    """Sum each row of a matrix of finite values exactly, each value rounded once to a multiple of 2**-96.

    Returns the sums in units of 2**-96. What a limb leaves of a value is exact: its bits below the limb's unit.
    """
    totals = [0] * len(rows)
    rest, units, whole = rows.copy(), np.empty_like(rows), np.empty(rows.shape, dtype=np.int64)
    largest, top = float(np.abs(rows, out=units).max(initial=0.0)), _TOP_BITS
    while largest > 2.0 ** (top + _LIMB_BITS - 2):
        top += _LIMB_BITS
    for exponent in range(top, -FINE_BITS - 1, -_LIMB_BITS):
        np.rint(np.multiply(rest, 2.0**-exponent, out=units), out=units)
        np.copyto(whole, units, casting="unsafe")
        limbs = whole.sum(axis=1).tolist()
        totals = [(total << _LIMB_BITS) + limb for total, limb in zip(totals, limbs, strict=True)]
        rest -= np.multiply(units, 2.0**exponent, out=units)
    return totals


class ExactSum:
    """Exact sum and mean of values within ±2**31, each rounded to 2**-24.

    The mean is off by at most 2**-25 (3e-8) from the mean of the exact values. Memory: four integers.

    Attributes
    ----------
    n : int
        Values summed; negative when more was taken back than given.
    total : int
        Their sum in units of 2**-24.
    out_of_range : int
        Values beyond ``LIMIT``, infinities included: counted, not summed.
    missing : int
        NaN values.

    Examples
    --------
    >>> losses = ExactSum()
    >>> losses.update([0.25, 0.5, float("nan")])
    >>> losses.update([0.5], sign=-1)
    >>> losses.n, losses.sum, losses.missing
    (1, 0.25, 1)
    """

    __slots__ = ("missing", "n", "out_of_range", "total")

    def __init__(self) -> None:
        self.n = 0
        self.total = 0
        self.out_of_range = 0
        self.missing = 0

    def update(self, values: ArrayLike, sign: int = 1) -> None:
        """Add values, or with ``sign=-1`` take back values given before."""
        rows = np.asarray(values, dtype=np.float64).ravel()
        inside = np.abs(rows) <= LIMIT
        missing = int(np.count_nonzero(np.isnan(rows)))
        n = int(np.count_nonzero(inside))
        self.n += sign * n
        self.missing += sign * missing
        self.out_of_range += sign * (rows.size - n - missing)
        self.total += sign * sum_units(to_units(rows if n == rows.size else rows[inside]))

    @classmethod
    def add_groups(cls, sums: Sequence[Self], values: NDArray[np.float64], bounds: NDArray[np.int64]) -> None:
        """Add a group of values to each of several sums; what `update` would do one by one.

        Parameters
        ----------
        values
            Group after group.
        bounds
            Where the groups begin, and the number of values: one more than sums. None is empty.
        """
        inside, missing = np.abs(values) <= LIMIT, np.isnan(values)
        units = to_units(np.where(inside, values, 0.0))
        starts = bounds[:-1]
        high = np.add.reduceat(units >> _LOW_BITS, starts).tolist()
        low = np.add.reduceat(units & _LOW_MASK, starts).tolist()
        held = np.add.reduceat(inside, starts, dtype=np.int64).tolist()
        gone = np.add.reduceat(missing, starts, dtype=np.int64).tolist()
        sizes = np.diff(bounds).tolist()
        for total, size, n, lost, upper, lower in zip(sums, sizes, held, gone, high, low, strict=True):
            total.n += n
            total.missing += lost
            total.out_of_range += size - n - lost
            total.total += (upper << _LOW_BITS) + lower

    @property
    def sum(self) -> float:
        """Sum of the values in range, rounded once."""
        return self.total / 2**FRACTION_BITS

    @property
    def mean(self) -> float:
        """Mean of the values in range; NaN without values."""
        return self.total / (self.n << FRACTION_BITS) if self.n else float("nan")

    def merge(self, other: Self) -> None:
        """Add what ``other`` has summed."""
        self.n += other.n
        self.total += other.total
        self.out_of_range += other.out_of_range
        self.missing += other.missing

    def snapshot(self) -> bytes:
        """Counters and total as bytes, about 30."""
        writer = Writer(_VERSION)
        for number in (self.n, self.total, self.out_of_range, self.missing):
            writer.integer(number)
        return writer.finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        sketch = cls()
        sketch.n, sketch.total = reader.integer(), reader.integer()
        sketch.out_of_range, sketch.missing = reader.integer(), reader.integer()
        reader.finish()
        return sketch
