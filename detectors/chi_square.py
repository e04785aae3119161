"""Contingency chi-square of two histograms: the significance test of a window's drift.

Some twenty cells are fewer than an array pays for: lists take a third of the time, and the sums are exact (`fsum`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from detectors.cell_unions import Groups, merge_sparse_ordered, merge_sparse_unordered
from detectors.errors import LayoutError
from detectors.rare_cell import RareCell
from detectors.shares import SPECIAL_CELLS, paired_counts, same_cells


@dataclass(frozen=True, slots=True)
class ChiSquareResult:
    """Whether two histograms can be samples of one distribution.

    Attributes
    ----------
    statistic : float
        Pearson's chi-square, not negative; 0 when fewer than two unions of cells are left or a side has no rows.
    dof : int
        Unions of cells less one.
    rare : RareCell or None
        What is tested exactly, because too few rows of it are expected for a chi-square.
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
    rare: RareCell | None = None

    @property
    def divergence(self) -> float:
        """Statistic per effective row: comparable between windows with different numbers of rows, like PSI."""
        return self.statistic / self.effective_rows if self.effective_rows > 0 else 0.0

    def critical(self, alpha: float) -> float:
        """Value that `statistic` exceeds with probability `alpha` when rows are independent; inf without cells."""
        if self.rare is not None:
            return self.rare.critical(alpha)
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
    ref, cur = (_checked(counts.tolist()) for counts in same_cells(ref_counts, cur_counts))
    return np.array(_groups(ref, cur, ordered=ordered, special=special, min_expected=min_expected), dtype=np.int64)


def _checked(counts: list[float]) -> list[float]:
    """Give back counts; raises ValueError if one is negative or not finite."""
    if not (min(counts) >= 0 and isfinite(sum(counts))):  # a NaN may hide from `min`, but not in a sum
        raise ValueError("counts must be finite and not negative")
    return counts


def _groups(
    ref: Sequence[float], cur: Sequence[float], *, ordered: bool, special: int, min_expected: float
) -> list[int]:
    sides = fsum(ref), fsum(cur)
    least = min_expected * sum(sides) / min(sides) if min(sides) > 0 else float("inf")
    both = [mine + other for mine, other in zip(ref, cur, strict=True)]
    if min_expected <= 0:
        return list(range(len(both)))
    if not ordered:
        return merge_sparse_unordered(both, least)
    if not 0 <= special < len(both):
        raise LayoutError(f"{len(both)} cells, of which the last {special} are special: none is left")
    line = merge_sparse_ordered(both[: len(both) - special], least)
    first_special = line[-1] + 1
    return _without_light_ends([*line, *range(first_special, first_special + special)], both, least, first_special)


def _without_light_ends(groups: list[int], both: Sequence[float], least: float, first_special: int) -> list[int]:
    """Unite special groups that are too light with the one before, then a light first group with the one behind."""
    weights = _united(both, groups)
    for group in range(len(weights) - 1, first_special - 1, -1):
        if weights[group] < least:
            groups = [found - 1 if found >= group else found for found in groups]
            weights[group - 1] += weights.pop(group)
    return [max(found - 1, 0) for found in groups] if weights[0] < least else groups


def _united(counts: Sequence[float], groups: Sequence[int]) -> list[float]:
    """Rows per union of cells."""
    united = [0.0] * (max(groups) + 1)
    for count, group in zip(counts, groups, strict=True):
        united[group] += count
    return united


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
        How sparse cells are united, see :func:`contingency_groups`. Where nothing but one union is left of an ordered
        grid, the number line is compared with the special cells, and tested exactly.

    Raises
    ------
    LayoutError
        If the cells differ.
    ValueError
        If a count is negative or not finite.

    Notes
    -----
    Pearson (1900), 2 x cells. Exact enough in the tail because every expectation is at least 5, unlike the
    approximation of PSI. Missing values of a constant number have no neighbours to be united with: where fewer are
    expected, they are tested by their exact tail (:class:`detectors.rare_cell.RareCell`). Rows of real traffic are not
    independent, so this is one half of "significant"; the other is the bound of the reference's own blocks
    (:mod:`detectors.blocks`). O(k).

    Examples
    --------
    >>> result = chi_square([4, 2, 0], [1, 1, 4], ordered=False, min_expected=0)
    >>> round(result.statistic, 4), round(result.p_value, 6)
    (6.1333, 0.046576)
    """
    ref, cur = (_checked(counts.tolist()) for counts in same_cells(ref_counts, cur_counts))
    groups = _groups(ref, cur, ordered=ordered, special=special, min_expected=min_expected)
    pairs = zip(_united(ref, groups), _united(cur, groups), strict=True)
    cells = [(r, c) for r, c in pairs if r + c > 0]
    united = ordered and min_expected > 0 and len(cells) == 1
    if united:
        cells = _line_and_special(ref, cur, special)
    m, n = fsum(ref), fsum(cur)
    if not n > 0 or not m > 0:
        return ChiSquareResult(0.0, 0, 1.0, len(cells), 0.0)
    rows, both = n * m / (n + m), n + m
    # The 2 x cells statistic in closed form: rows * sum (r/m - c/n)^2 / pooled share.
    statistic = rows * fsum((r / m - c / n) ** 2 / ((r + c) / both) for r, c in cells)
    if united and len(cells) > 1:
        rare = RareCell.of(*cells)
        return ChiSquareResult(statistic, 1, rare.p_value, 2, rows, rare)
    return _result(statistic, len(cells), rows)


def _line_and_special(ref: Sequence[float], cur: Sequence[float], special: int) -> list[tuple[float, float]]:
    """Rows on the number line and in the special cells, of those that have any."""
    line = len(ref) - special
    pairs = (fsum(ref[:line]), fsum(cur[:line])), (fsum(ref[line:]), fsum(cur[line:]))
    return [(r, c) for r, c in pairs if r + c > 0]


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
