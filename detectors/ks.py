"""Kolmogorov-Smirnov statistic on the cells of a grid, with a bound on what the cells hide."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detectors.shares import SPECIAL_CELLS, on_the_line, paired_shares


@dataclass(frozen=True, slots=True)
class KsResult:
    """Largest difference of the two distribution functions at the edges of the cells.

    Attributes
    ----------
    statistic : float
        In [0, 1]; NaN when a side has no finite value. Never above the statistic of the raw values.
    upper : float
        The statistic of the raw values is at most this: inside a cell each function may rise all at once.
    rows : float
        Effective rows of the two samples, nm / (n + m); NaN as above.
    """

    statistic: float
    upper: float
    rows: float

    @property
    def p_value(self) -> float:
        """Of `statistic`, for independent rows without ties (conservative with cells and ties); NaN without one.

        That of the one-sample statistic at `rows`, rounded, as SciPy's asymptotic method.
        """
        # Imported here: it takes a second and a worker, which judges by the statistic, never asks.
        from scipy.stats import kstwo  # noqa: PLC0415

        if np.isnan(self.statistic):
            return float("nan")
        return float(kstwo.sf(self.statistic, max(1, round(self.rows)))) if self.statistic > 0 else 1.0


def ks_test(ref_counts: ArrayLike, cur_counts: ArrayLike, special: int = SPECIAL_CELLS) -> KsResult:
    """Two-sample Kolmogorov-Smirnov test on the ordered cells of a numeric grid.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (k,)
        Rows per cell, in the grid's order.
    special : int, default=2
        Cells at the end that are left out (missing, non-finite).

    Raises
    ------
    LayoutError
        If the cells differ or none is on the number line.
    ValueError
        If a count is negative or not finite.

    Notes
    -----
    Smirnov (1948). O(k).

    Examples
    --------
    >>> result = ks_test([10, 10, 10, 10, 0, 0], [0, 10, 10, 20, 0, 0])
    >>> result.statistic, result.upper
    (0.25, 0.5)
    """
    ref_line, cur_line = on_the_line(ref_counts, special), on_the_line(cur_counts, special)
    ref, cur = paired_shares(ref_line, cur_line)
    difference = np.cumsum(ref) - np.cumsum(cur)
    if np.isnan(difference[0]):
        return KsResult(float("nan"), float("nan"), float("nan"))
    before = np.concatenate(([0.0], difference[:-1]))
    statistic = min(1.0, float(np.abs(difference).max()))
    inside = np.maximum(before + ref, cur - before)
    upper = min(1.0, max(statistic, float(inside.max())))
    rows = ref_line.sum() * cur_line.sum() / (ref_line.sum() + cur_line.sum())
    return KsResult(statistic, upper, float(rows))
