"""Contingency chi-square of two histograms: the significance test of a window's drift."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from detectors.cell_unions import Groups, merge_sparse_ordered, merge_sparse_unordered, unite
from detectors.errors import LayoutError
from detectors.shares import SPECIAL_CELLS, Floats, paired_counts


@dataclass(frozen=True, slots=True)
class ChiSquareResult:
    """Whether two histograms can be samples of one distribution.

    Attributes
    ----------
    statistic : float
        Pearson's chi-square, not negative; 0 when fewer than two unions of cells are left or a side has no rows.
    dof : int
        Unions of cells less one.
    p_value : float
        In [0, 1], for independent rows; 1 when nothing can be compared.
    cells : int
        Unions of cells that were compared.
    effective_rows : float
        nm / (n + m): the statistic grows in proportion to it when there is a shift.
    """

    statistic: float
    dof: int
    p_value: float
    cells: int
    effective_rows: float

    @property
    def divergence(self) -> float:
        """Statistic per effective row: comparable between windows with different numbers of rows, like PSI."""
        return self.statistic / self.effective_rows if self.effective_rows > 0 else 0.0

    def critical(self, alpha: float) -> float:
        """Value that `statistic` exceeds with probability `alpha` when rows are independent; inf without cells."""
        return float(chdtri(self.dof, alpha)) if self.dof > 0 else float("inf")

    def critical_divergence(self, alpha: float) -> float:
        """Value that `divergence` exceeds with probability `alpha` when rows are independent; inf without cells."""
        return self.critical(alpha) / self.effective_rows if self.effective_rows > 0 else float("inf")


def contingency_groups(
    ref_counts: ArrayLike,
    cur_counts: ArrayLike,
    *,
    ordered: bool = True,
    special: int = SPECIAL_CELLS,
    min_expected: float = 5.0,
) -> Groups:
    """Unite cells until each union expects at least `min_expected` rows on both sides.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (k,)
        Rows per cell.
    ordered : bool, default=True
        True unites neighbours (numbers), False the lightest cells (categories).
    special : int, default=2
        Cells at the end of an ordered grid without neighbours; they are united only if they are too light, and then
        with the last cell. Not used for categories, where every cell is alike.
    min_expected : float, default=5.0
        Cochran's rule. 0 unites nothing.

    Notes
    -----
    Only the sum of the two sides decides, on which the test conditions: so choosing the cells from the data does not
    change the distribution of the statistic under no shift.
    """
    ref, cur = paired_counts(ref_counts, cur_counts)
    total = float(ref.sum() + cur.sum())
    smaller = float(min(ref.sum(), cur.sum()))
    least = min_expected * total / smaller if smaller > 0 else float("inf")
    both = ref + cur
    if min_expected <= 0:
        return np.arange(both.size, dtype=np.int64)
    if not ordered:
        return merge_sparse_unordered(both, least)
    if not 0 <= special < both.size:
        raise LayoutError(f"{both.size} cells, of which the last {special} are special: none is left")
    line = merge_sparse_ordered(both[: both.size - special], least)
    behind = int(line[-1]) + 1 + np.arange(special, dtype=np.int64)
    return _without_light_ends(np.concatenate((line, behind)), both, least, first_special=int(line[-1]) + 1)


def _without_light_ends(groups: Groups, both: Floats, least: float, first_special: int) -> Groups:
    """Unite special groups that are too light with the one before, then a light first group with the one behind."""
    weights = unite(both, groups).tolist()
    for group in range(len(weights) - 1, first_special - 1, -1):
        if weights[group] < least:
            groups[groups >= group] -= 1
            weights[group - 1] += weights.pop(group)
    return np.maximum(groups - 1, 0) if weights[0] < least else groups


def chi_square(
    ref_counts: ArrayLike,
    cur_counts: ArrayLike,
    *,
    ordered: bool = True,
    special: int = SPECIAL_CELLS,
    min_expected: float = 5.0,
) -> ChiSquareResult:
    """Contingency chi-square test of two histograms over the same cells, sparse cells united.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (k,)
        Rows per cell; a category that the reference has never seen is no reason for p = 0.
    ordered, special, min_expected
        How sparse cells are united, see :func:`contingency_groups`.

    Raises
    ------
    LayoutError
        If the cells differ.
    ValueError
        If a count is negative or not finite.

    Notes
    -----
    Pearson (1900), 2 x cells. Exact enough in the tail because every expectation is at least 5, unlike the
    approximation of PSI. Rows of real traffic are not independent, so this is one half of "significant"; the other
    is the bound of the reference's own blocks (:mod:`detectors.blocks`). O(k).

    Examples
    --------
    >>> result = chi_square([4, 2, 0], [1, 1, 4], ordered=False, min_expected=0)
    >>> round(result.statistic, 4), round(result.p_value, 6)
    (6.1333, 0.046576)
    """
    groups = contingency_groups(ref_counts, cur_counts, ordered=ordered, special=special, min_expected=min_expected)
    ref, cur = unite(ref_counts, groups), unite(cur_counts, groups)
    some = ref + cur > 0
    ref, cur = ref[some], cur[some]
    n, m = float(cur.sum()), float(ref.sum())
    if not n > 0 or not m > 0:
        return ChiSquareResult(0.0, 0, 1.0, ref.size, 0.0)
    rows = n * m / (n + m)
    # The 2 x cells statistic in closed form: rows * sum (r/m - c/n)^2 / pooled share.
    statistic = float(rows * np.sum((ref / m - cur / n) ** 2 / ((ref + cur) / (n + m))))
    return _result(statistic, ref.size, rows)


def goodness_of_fit(ref_counts: ArrayLike, cur_counts: ArrayLike) -> ChiSquareResult:
    """Chi-square of the current counts against the reference's shares, taken as certain: Evidently's preset.

    Kept for comparison, not for decisions: the reference's own noise is ignored, and one row of a category that the
    reference lacks gives an infinite statistic and p = 0. Parameters and errors as :func:`chi_square`.
    """
    ref, cur = paired_counts(ref_counts, cur_counts)
    some = ref + cur > 0
    ref, cur = ref[some], cur[some]
    n, m = float(cur.sum()), float(ref.sum())
    if not n > 0 or not m > 0:
        return ChiSquareResult(0.0, 0, 1.0, ref.size, 0.0)
    expected = ref * n / m
    with np.errstate(divide="ignore"):
        statistic = float(np.sum((cur - expected) ** 2 / expected))
    return _result(statistic, ref.size, n)


def _result(statistic: float, cells: int, rows: float) -> ChiSquareResult:
    dof = cells - 1
    return ChiSquareResult(statistic, dof, float(chdtrc(dof, statistic)) if dof else 1.0, cells, rows)
