"""ADWIN, the adaptive window: the longest recent stretch of a series whose mean has not changed."""

import math
from typing import Final, Literal, Self, cast, get_args

import numpy as np

from detectors.errors import SnapshotError
from detectors.moments import PLAUSIBLE
from detectors.packing import Reader, Writer

Mode = Literal["river", "moa"]

_VERSION: Final = 1
_Summary = tuple[float, float, float]
"""Rows, their sum, and their squared deviations from their mean."""


class WeightedAdwin:
    """ADWIN over slices, each given as (mean, n, m2); with n = 1 it is ADWIN over values.

    The window is kept as summaries of exponentially growing numbers of slices. At every ``clock``-th row each cut of
    the window is tried; while the means of the two sides differ by more than chance allows, the oldest summary goes.
    Plain ADWIN over the means of slices is blind, because it takes 200 rows for one.

    Memory: at most ``max_buckets`` + 1 summaries for each doubling of the number of slices, 24 bytes each.
    Time: O(1) amortised a slice, and O(log slices) where a multiple of ``clock`` is passed.

    Parameters
    ----------
    delta : float
        Confidence of one check, between 0 and 1. It does not bound the rate of false alarms over time.
    clock : int
        Rows between checks.
    max_buckets : int
        Summaries of equal size before two are joined.
    min_window_length : int
        Rows on either side of a cut, at least.
    grace : int
        No check before the window holds more rows than this, at least 2.
    mode : {"river", "moa"}
        What follows a detection: River starts anew, MOA keeps the recent side of the window.

    Attributes
    ----------
    detections : int
        Changes found.
    ignored : int
        Slices left out: not finite, or beyond 1e100. One NaN, or one 1e308, would blind the detector for ever. A value
        that is merely wild stays in the variance, and hides small changes, until it leaves the window: clip before.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Bifet and Gavalda, "Learning from time-changing data with adaptive windowing", SDM 2007, algorithm ADWIN2 with the
    variance bound; summaries after Babcock et al., "Maintaining variance and k-medians over data stream windows",
    PODS 2003. At n = 1 it finds what River 0.26 and MOA find.

    Examples
    --------
    >>> import random
    >>> draw = random.Random(12345)
    >>> values = draw.choices([0, 1], k=1000) + draw.choices(range(4, 8), k=1000)
    >>> adwin = WeightedAdwin()
    >>> [index for index, value in enumerate(values) if adwin.update(value)]
    [1023]
    """

    def __init__(
        self,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace: int = 10,
        mode: Mode = "river",
    ) -> None:
        if not 0 < delta < 1 or min(clock, max_buckets, min_window_length) < 1 or grace < 2:
            raise ValueError("delta lies in (0, 1), grace is at least 2, the other parameters of ADWIN at least 1")
        if mode not in get_args(Mode):
            raise ValueError(f"mode is one of {', '.join(get_args(Mode))}, got {mode!r}")
        self.delta: Final = delta
        self.clock: Final = clock
        self.max_buckets: Final = max_buckets
        self.min_window_length: Final = min_window_length
        self.grace: Final = grace
        self.mode: Final[Mode] = mode
        self.detections = 0
        self.ignored = 0
        self._restart()

    def _restart(self) -> None:
        """Empty the window."""
        self._levels: list[list[_Summary]] = [[]]
        self._window: _Summary = (0.0, 0.0, 0.0)
        self._ticks = 0.0
        self._detected = False

    @property
    def width(self) -> float:
        """Rows in the window."""
        return self._window[0]

    @property
    def mean(self) -> float:
        """Mean of the rows in the window; NaN when it is empty."""
        return self._window[1] / self._window[0] if self._window[0] else math.nan

    @property
    def variance(self) -> float:
        """Variance (divisor n) of the rows in the window; NaN when it is empty."""
        return self._window[2] / self._window[0] if self._window[0] else math.nan

    def update(self, mean: float, n: int = 1, m2: float = 0.0) -> bool:
        """Add a slice, or a value, and tell whether a change was found.

        Parameters
        ----------
        mean : float
            Mean of the slice.
        n : int
            Rows in it, 0 to 2**53; a slice without rows changes nothing.
        m2 : float
            Sum of squared deviations of its rows from ``mean``, 0 or more.
        """
        if self._detected and self.mode == "river":
            self._restart()
        self._detected = False
        if not (abs(mean) <= PLAUSIBLE and 0 <= n <= 2**53 and 0 <= m2 <= PLAUSIBLE**2):
            self.ignored += 1
            return False
        if n == 0:
            return False
        slice_ = (float(n), mean * n, float(m2))
        self._window = _join(self._window, slice_)
        self._insert(slice_)
        before = self._ticks // self.clock
        self._ticks += n
        if self._ticks // self.clock > before and self.width > self.grace:
            self._detected = self._shrink()
            self.detections += self._detected
        return self._detected

    def _insert(self, slice_: _Summary) -> None:
        """Add a slice to the newest level, and join the two oldest of each level that overflows."""
        self._levels[0].append(slice_)
        for level, summaries in enumerate(self._levels):
            if len(summaries) <= self.max_buckets:
                return
            joined = _join(summaries.pop(0), summaries.pop(0))
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(joined)

    def _shrink(self) -> bool:
        """Drop the oldest summaries until no cut separates different means; tell whether any went."""
        shrunk = False
        while self._differs():
            shrunk = True
            self._levels[-1].pop(0)
            while len(self._levels) > 1 and not self._levels[-1]:
                self._levels.pop()
            # Summed anew rather than subtracted: what left the window leaves no rounding error behind.
            self._window = (0.0, 0.0, 0.0)
            for summary in self._oldest_first():
                self._window = _join(self._window, summary)
        return shrunk

    def _oldest_first(self) -> list[_Summary]:
        return [summary for level in reversed(self._levels) for summary in level]

    def _differs(self) -> bool:
        """Whether the means on both sides of some cut differ by more than epsilon_cut."""
        rows, sums = np.array([summary[:2] for summary in self._oldest_first()]).T
        n0, n1 = np.cumsum(rows)[:-1], np.cumsum(rows[::-1])[-2::-1]
        differences = np.abs(np.cumsum(sums)[:-1] / n0 - np.cumsum(sums[::-1])[-2::-1] / n1)
        usable = (n0 >= self.min_window_length) & (n1 >= self.min_window_length)
        n0, n1, differences = n0[usable], n1[usable], differences[usable]
        if not n0.size:
            return False
        confidence = math.log(2 * math.log(self.width) / self.delta)
        weight = 1 / (n0 - self.min_window_length + 1) + 1 / (n1 - self.min_window_length + 1)
        epsilon = np.sqrt(2 * weight * self.variance * confidence) + 2 / 3 * confidence * weight
        return bool((differences > epsilon).any())

    def snapshot(self) -> bytes:
        """Parameters, counters and summaries."""
        writer = Writer(_VERSION).number(self.delta)
        for parameter in (self.clock, self.max_buckets, self.min_window_length, self.grace):
            writer.integer(parameter)
        writer.text(self.mode).integer(self.detections).integer(self.ignored)
        writer.integer(self._detected).number(self._ticks).floats(np.array(self._window))
        writer.ints(np.array([len(level) for level in self._levels], dtype=np.int64))
        return writer.floats(np.array(self._oldest_first()).ravel()).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        delta, clock, max_buckets = reader.number(), reader.integer(), reader.integer()
        min_window_length, grace = reader.integer(), reader.integer()
        mode = cast("Mode", reader.text())  # checked by the constructor
        try:
            sketch = cls(delta, clock, max_buckets, min_window_length, grace, mode)
        except ValueError as error:
            raise SnapshotError(str(error)) from None
        sketch.detections, sketch.ignored = reader.integer(), reader.integer()
        sketch._detected, sketch._ticks = bool(reader.integer()), reader.number()
        window, lengths, flat = reader.floats(), reader.ints(), reader.floats()
        reader.finish()
        if window.size != 3 or not lengths.size or (lengths < 0).any() or flat.size != 3 * lengths.sum():
            raise SnapshotError(f"{flat.size} numbers for {lengths.sum()} summaries of ADWIN")
        sketch._window = (float(window[0]), float(window[1]), float(window[2]))
        summaries = iter([(rows, total, m2) for rows, total, m2 in flat.reshape(-1, 3).tolist()])
        oldest = [[next(summaries) for _ in range(length)] for length in lengths[::-1].tolist()]
        sketch._levels = oldest[::-1]
        return sketch


def _join(first: _Summary, second: _Summary) -> _Summary:
    """Summary of the rows of both."""
    n = first[0] + second[0]
    if not first[0]:
        return second
    gap = first[1] / first[0] - second[1] / second[0]
    return n, first[1] + second[1], first[2] + second[2] + first[0] * second[0] / n * gap * gap
