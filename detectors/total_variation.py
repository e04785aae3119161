"""Total variation and the largest change of one share."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.shares import paired_shares


def total_variation(ref_counts: ArrayLike, cur_counts: ArrayLike) -> float:
    """Total variation distance: the share of rows that must change cell to turn one histogram into the other.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (bins,)
        Rows per bin.

    Returns
    -------
    float
        Half the sum of |r - c|, in [0, 1]; NaN when a side has no rows.

    Raises
    ------
    LayoutError
        If the bins differ.
    ValueError
        If a count is negative or not finite.

    Examples
    --------
    >>> total_variation([50, 50], [75, 25])
    0.25
    """
    ref, cur = paired_shares(ref_counts, cur_counts)
    return float(np.abs(ref - cur).sum() / 2)


def largest_change(ref_counts: ArrayLike, cur_counts: ArrayLike) -> float:
    """Largest |r - c| of one bin (L-infinity), in [0, 1]; parameters, errors and NaN as :func:`total_variation`.

    What TensorFlow Data Validation and NannyML compute for categories.
    """
    ref, cur = paired_shares(ref_counts, cur_counts)
    return float(np.abs(ref - cur).max())
