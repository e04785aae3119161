"""Hellinger distance."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.shares import paired_shares


def hellinger(ref_counts: ArrayLike, cur_counts: ArrayLike) -> float:
    """Hellinger distance of two histograms over the same bins.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (bins,)
        Rows per bin; empty bins need no fill.

    Returns
    -------
    float
        sqrt(1 - sum sqrt(r c)), in [0, 1]: 0 for equal shares, 1 for disjoint ones; NaN when a side has no rows.

    Raises
    ------
    LayoutError
        If the bins differ.
    ValueError
        If a count is negative or not finite.

    Notes
    -----
    Hellinger (1909), in the scaling that Evidently, NannyML, whylogs and Frouros share. Computed as the Euclidean
    distance of the roots, which is exact near 0, where 1 - sum loses half of its digits. O(bins).

    Examples
    --------
    >>> round(hellinger([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]), 5)
    0.06813
    """
    ref, cur = paired_shares(ref_counts, cur_counts)
    return float(np.minimum(1.0, np.linalg.norm(np.sqrt(ref) - np.sqrt(cur)) / np.sqrt(2)))
