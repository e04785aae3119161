"""Jensen-Shannon divergence and distance. The unit is part of the name, because tools differ in it by up to eight."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from detectors.shares import Floats, paired_shares

JensenShannonUnit = Literal["distance_nats", "distance_bits", "divergence_nats", "divergence_bits"]


def _entropy_terms(shares: Floats, mixture: Floats) -> float:
    """Sum of p ln(p / m), with 0 ln 0 = 0."""
    some = shares > 0
    return float(np.sum(shares[some] * np.log(shares[some] / mixture[some])))


def jensen_shannon(ref_counts: ArrayLike, cur_counts: ArrayLike, unit: JensenShannonUnit = "distance_nats") -> float:
    """Jensen-Shannon measure of two histograms over the same bins.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (bins,)
        Rows per bin; empty bins need no fill.
    unit : str, default="distance_nats"
        ``distance_nats`` (as Evidently and SciPy; at most .833), ``distance_bits`` (as NannyML; at most 1),
        ``divergence_bits`` (as TensorFlow Data Validation; at most 1) or ``divergence_nats`` (at most .693).
        A distance is the square root of the divergence.

    Returns
    -------
    float
        0 for equal shares; NaN when a side has no rows.

    Raises
    ------
    LayoutError
        If the bins differ.
    ValueError
        If a count is negative or not finite, or the unit is unknown.

    Notes
    -----
    Lin (1991). O(bins).

    Examples
    --------
    >>> round(jensen_shannon([50, 50], [70, 30], "distance_bits"), 4)
    0.1741
    """
    measure, _, base = unit.partition("_")
    if measure not in {"distance", "divergence"} or base not in {"nats", "bits"}:
        raise ValueError(f"unknown unit {unit!r} of Jensen-Shannon; one of distance_nats, distance_bits, ...")
    ref, cur = paired_shares(ref_counts, cur_counts)
    if np.isnan(ref[0]) or np.isnan(cur[0]):
        return float("nan")
    mixture = (ref + cur) / 2
    divergence = max(0.0, (_entropy_terms(ref, mixture) + _entropy_terms(cur, mixture)) / 2)
    if base == "bits":
        divergence /= float(np.log(2))
    return float(np.sqrt(divergence)) if measure == "distance" else divergence
