"""Counts of cells, checked and turned into shares: what every distance of this package starts from.

Two histograms are compared cell by cell, so they must come from the same grid or vocabulary. Numeric grids end with
`SPECIAL_CELLS` cells that have no place on the number line: missing and non-finite values.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError

SPECIAL_CELLS: Final = 2
"""Cells at the end of a numeric grid without a place on the number line: missing, then non-finite."""

Floats = NDArray[np.float64]


def paired_counts(ref_counts: ArrayLike, cur_counts: ArrayLike) -> tuple[Floats, Floats]:
    """Check two histograms over the same cells and give them as doubles.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (cells,)
        Rows per cell, finite and not negative; at least one cell.

    Raises
    ------
    LayoutError
        If the shapes differ, or are not one-dimensional, or there is no cell.
    ValueError
        If a count is negative or not finite.
    """
    ref, cur = same_cells(ref_counts, cur_counts)
    return checked_counts(ref), checked_counts(cur)


def same_cells(ref_counts: ArrayLike, cur_counts: ArrayLike) -> tuple[Floats, Floats]:
    """Give two histograms as doubles; raises LayoutError if they are not over the same cells, at least one."""
    ref = np.asarray(ref_counts, dtype=np.float64)
    cur = np.asarray(cur_counts, dtype=np.float64)
    if ref.shape != cur.shape or ref.ndim != 1 or not ref.size:
        raise LayoutError(f"counts of the same cells expected, got shapes {ref.shape} and {cur.shape}")
    return ref, cur


def checked_counts(counts: Floats) -> Floats:
    """Give back counts, at least one; raises ValueError if one is negative or not finite."""
    if not (counts.min() >= 0 and counts.max() < np.inf):  # false for NaN, which is the least and the largest
        raise ValueError("counts must be finite and not negative")
    return counts


def paired_shares(ref_counts: ArrayLike, cur_counts: ArrayLike) -> tuple[Floats, Floats]:
    """Shares of two histograms over the same cells, each summing to one; NaN throughout for one without rows.

    Raises what :func:`paired_counts` raises.
    """
    ref, cur = paired_counts(ref_counts, cur_counts)
    return share_of(ref), share_of(cur)


def share_of(counts: Floats) -> Floats:
    """Divide counts by their sum; NaN throughout when that is zero."""
    total = float(counts.sum())
    return counts / total if total > 0 else np.full(counts.shape, np.nan)


def on_the_line(counts: ArrayLike, special: int = SPECIAL_CELLS) -> Floats:
    """Cells that lie in order on the number line: all but the last `special`.

    Raises
    ------
    LayoutError
        If fewer than one cell would remain.
    """
    values = np.asarray(counts, dtype=np.float64)
    if values.ndim != 1 or not 0 <= special < values.size:
        raise LayoutError(f"{values.shape} cells, of which the last {special} are special: none is left")
    return values[: values.size - special]
