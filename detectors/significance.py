"""Many tests at once: Holm decides what may page, Benjamini-Hochberg orders what a report shows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.shares import Floats


def _checked(p_values: ArrayLike) -> Floats:
    """P-values as doubles; NaN (a test that could not be made) stays."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or np.any(p < 0) or np.any(p > 1):
        raise ValueError("p-values must be one-dimensional and in [0, 1]; NaN where there was no test")
    return p


def holm_adjusted(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p-values: reject where they are at most alpha.

    Parameters
    ----------
    p_values : array_like of shape (tests,)
        In [0, 1]; NaN for a test that could not be made: it is not counted and stays NaN.

    Returns
    -------
    ndarray of shape (tests,)
        In [0, 1], never below the p-value.

    Raises
    ------
    ValueError
        If a p-value is outside [0, 1].

    Notes
    -----
    Holm (1979): the probability of one false rejection or more is at most alpha, whatever the dependence.
    O(tests log tests).

    Examples
    --------
    >>> holm_adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    adjusted = np.full(p.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return adjusted


def holm(p_values: ArrayLike, alpha: float) -> NDArray[np.bool_]:
    """Which tests Holm's procedure rejects at family-wise level `alpha`; errors as :func:`holm_adjusted`."""
    return np.asarray(holm_adjusted(p_values) <= alpha, dtype=np.bool_)


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Benjamini-Hochberg adjusted p-values (q-values): an order for reports, it pages nobody.

    Parameters
    ----------
    p_values : array_like of shape (tests,)
        In [0, 1]; NaN for a test that could not be made: it is not counted and stays NaN.

    Raises
    ------
    ValueError
        If a p-value is outside [0, 1].

    Notes
    -----
    Benjamini and Hochberg (1995): among tests with q <= x at most a share x is expected to be false, for independent
    or positively dependent tests. O(tests log tests).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    p = _checked(p_values)
    adjusted = np.full(p.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted
