"""Quantiles of a positive quantity, such as latency, with a stated relative error."""

import math
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

_VERSION: Final = 1
_NOT_POSITIVE: Final = 0
_TOO_SMALL: Final = 1


class LogHistogram:
    """Counts in buckets whose bounds grow geometrically, so that a quantile is right to a relative error.

    Parameters
    ----------
    relative_error : float
        Error of a quantile, between 0 and 1 (both excluded).
    smallest, largest : float
        Range in which the error holds. Smaller positive values count as ``smallest``, larger ones as ``largest``,
        zero and negative ones as 0. With the defaults (milliseconds: a microsecond to a day) 1269 buckets, 10 kB.

    Attributes
    ----------
    counts : ndarray of int64
        0: zero or negative; 1: below ``smallest``; the buckets; last: above ``largest``.
    non_finite : int
        NaN and infinities: counted here only.

    Notes
    -----
    Bucket i holds (g**(i-1), g**i] with g = (1 + e) / (1 - e) and stands for 2 g**i / (g + 1):
    Masson, Rim and Lee, "DDSketch", PVLDB 12 (2019). Not to decide on: ``log`` may differ by an ulp between CPUs.

    Examples
    --------
    >>> latency = LogHistogram()
    >>> latency.update(range(1, 101))
    >>> abs(latency.quantile(0.5) - 50) <= 0.5
    True
    """

    def __init__(self, relative_error: float = 0.01, smallest: float = 1e-3, largest: float = 1e8) -> None:
        if not (0 < relative_error < 1 and 0 < smallest < largest < math.inf):
            raise ValueError(f"no histogram with error {relative_error} from {smallest} to {largest}")
        self.relative_error: Final = relative_error
        self.smallest: Final = smallest
        self.largest: Final = largest
        self._log_base: Final = math.log1p(relative_error) - math.log1p(-relative_error)
        self._first: Final = math.ceil(math.log(smallest) / self._log_base)
        buckets = math.ceil(math.log(largest) / self._log_base) - self._first + 1
        self.counts: NDArray[np.int64] = np.zeros(buckets + 3, dtype=np.int64)
        self.non_finite = 0

    @property
    def count(self) -> int:
        """Finite values seen."""
        return int(self.counts.sum())

    def bucket_of(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index into ``counts`` of each finite value; 8 ns a value."""
        inside = np.clip(values, self.smallest, self.largest)
        buckets = np.ceil(np.log(inside) / self._log_base).astype(np.int64) - (self._first - 2)
        np.clip(buckets, 2, self.counts.size - 2, out=buckets)
        buckets[values < self.smallest] = _TOO_SMALL
        buckets[values <= 0] = _NOT_POSITIVE
        buckets[values > self.largest] = self.counts.size - 1
        return buckets

    def update(self, values: ArrayLike) -> None:
        """Add values; NaN and infinities only count as ``non_finite``."""
        rows = np.asarray(values, dtype=np.float64).ravel()
        finite = rows[np.isfinite(rows)]
        self.non_finite += rows.size - finite.size
        if finite.size:
            self.counts += np.bincount(self.bucket_of(finite), minlength=self.counts.size)

    @classmethod
    def add_groups(cls, histograms: Sequence[Self], values: NDArray[np.float64], owners: NDArray[np.int64]) -> None:
        """Add values to several histograms of equal parameters; what `update` would do one by one.

        Parameters
        ----------
        owners
            For each value the index of its histogram, rising.

        Raises
        ------
        LayoutError
            If the parameters differ.
        """
        if not histograms:
            return
        first = histograms[0]
        if any(histogram._parameters() != first._parameters() for histogram in histograms):  # noqa: SLF001 - of its own class
            raise LayoutError("histograms of different parameters cannot be updated together")
        finite = np.isfinite(values)
        if not finite.all():
            for owner in owners[~finite].tolist():
                histograms[owner].non_finite += 1
            values, owners = values[finite], owners[finite]
        cells = owners * first.counts.size + first.bucket_of(values)
        met, counts = np.unique(cells, return_counts=True)
        places, buckets = np.divmod(met, first.counts.size)
        edges = np.flatnonzero(places[1:] != places[:-1]) + 1
        for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(met)], strict=True):
            if end > begin:
                histograms[int(places[begin])].counts[buckets[begin:end]] += counts[begin:end]

    def quantile(self, q: float) -> float:
        """Value of rank floor(q (n - 1)), to the relative error; NaN without values.

        Raises
        ------
        ValueError
            If ``q`` is outside [0, 1].
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile lies in [0, 1], got {q}")
        cumulative = np.cumsum(self.counts)
        if not cumulative[-1]:
            return math.nan
        rank = math.floor(q * (int(cumulative[-1]) - 1))
        return self._value_of(int(np.searchsorted(cumulative, rank, side="right")))

    def _value_of(self, bucket: int) -> float:
        """Value a bucket stands for."""
        if bucket <= _TOO_SMALL:
            return 0.0 if bucket == _NOT_POSITIVE else self.smallest
        if bucket == self.counts.size - 1:
            return self.largest
        upper = math.exp((bucket + self._first - 2) * self._log_base)
        return 2 * upper / (math.exp(self._log_base) + 1)

    def merge(self, other: Self) -> None:
        """Add the counts of ``other``; raises LayoutError if its parameters differ."""
        if other._parameters() != self._parameters():
            raise LayoutError(f"merge of histograms of {other._parameters()} into {self._parameters()}")
        self.counts += other.counts
        self.non_finite += other.non_finite

    def _parameters(self) -> tuple[float, float, float]:
        return self.relative_error, self.smallest, self.largest

    def snapshot(self) -> bytes:
        """Parameters and counts, packed."""
        writer = Writer(_VERSION)
        for parameter in self._parameters():
            writer.number(parameter)
        return writer.ints(self.counts).integer(self.non_finite).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        parameters = reader.number(), reader.number(), reader.number()
        counts, non_finite = reader.ints(), reader.integer()
        reader.finish()
        try:
            sketch = cls(*parameters)
        except ValueError as error:
            raise SnapshotError(str(error)) from None
        if counts.shape != sketch.counts.shape:
            raise SnapshotError(f"{counts.size} counts for {sketch.counts.size} buckets")
        sketch.counts, sketch.non_finite = counts, non_finite
        return sketch
