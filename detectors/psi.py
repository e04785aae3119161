"""Population stability index, with the zero fills that other tools use as named presets."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from detectors.cell_unions import quantile_bins
from detectors.shares import Floats, paired_counts, share_of

__all__ = ["PSI_PRESETS", "PsiPreset", "psi", "psi_contributions", "psi_critical", "psi_p_value", "quantile_bins"]

PsiPreset = Literal["tidegauge", "evidently", "frouros", "deepchecks", "fiddler"]

PSI_PRESETS: Final[Mapping[PsiPreset, str]] = MappingProxyType(
    {
        "tidegauge": "shares below 1e-4 count as 1e-4",
        "evidently": "an empty share becomes 1e-4, or a millionth of the smallest one where that is 1e-4 or less",
        "frouros": "an empty share becomes the smallest normal double, 2.2e-308",
        "deepchecks": "shares below .01 count as .01",
        "fiddler": "one row is added to every cell",
    }
)
"""What each preset does with an empty cell, whose logarithm would be infinite."""

_FLOORS: Final[Mapping[str, float]] = MappingProxyType({"tidegauge": 1e-4, "deepchecks": 0.01})
_TINY: Final = float(np.finfo(np.float64).tiny)


def _evidently_fill(shares: Floats) -> Floats:
    """Evidently 0.7: the fill depends on the smallest share that is not zero."""
    smallest = float(shares[shares > 0].min(initial=1.0))
    return np.where(shares == 0, 1e-4 if smallest > 1e-4 else smallest / 1e6, shares)


def _filled(counts: Floats, preset: PsiPreset) -> Floats:
    """Shares of `counts` without zeros."""
    if preset == "fiddler":
        return share_of(counts + 1)
    shares = share_of(counts)
    if preset in _FLOORS:
        return np.maximum(shares, _FLOORS[preset])
    if preset == "evidently":
        return _evidently_fill(shares)
    if preset == "frouros":
        return np.where(shares == 0, _TINY, shares)
    raise ValueError(f"unknown PSI preset {preset!r}; one of {', '.join(PSI_PRESETS)}")


def psi_contributions(ref_counts: ArrayLike, cur_counts: ArrayLike, preset: PsiPreset = "tidegauge") -> Floats:
    """Each cell's part of the index, (r - c) ln(r / c): never negative; the largest cells are the evidence.

    Parameters and errors as :func:`psi`; shape (cells,), NaN throughout when a side has no rows.
    """
    ref, cur = paired_counts(ref_counts, cur_counts)
    if not ref.sum() > 0 or not cur.sum() > 0:
        return np.full(ref.shape, np.nan)
    r, c = _filled(ref, preset), _filled(cur, preset)
    contributions: Floats = (r - c) * (np.log(r) - np.log(c))
    return contributions


def psi(ref_counts: ArrayLike, cur_counts: ArrayLike, preset: PsiPreset = "tidegauge") -> float:
    """Compare two histograms over the same bins by the population stability index: an effect size, not a test.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (bins,)
        Rows per bin. For numbers unite cells first: ``unite(counts, quantile_bins(ref_counts, 10))``.
    preset : str, default="tidegauge"
        How an empty bin is filled, see `PSI_PRESETS`.

    Returns
    -------
    float
        In [0, inf), no unit (nats); 0 for equal shares; NaN when a side has no rows.

    Raises
    ------
    LayoutError
        If the bins differ.
    ValueError
        If a count is negative or not finite, or the preset is unknown.

    Notes
    -----
    Sum of (r - c) ln(r / c), the symmetrised Kullback-Leibler divergence (Siddiqi 2006). Without a shift its
    expectation is about (bins - 1)(1/n + 1/m), so small windows look shifted: see :func:`psi_critical`. O(bins).

    Examples
    --------
    >>> base, current = [253, 302, 204, 134, 72, 26, 8], [177, 262, 285, 158, 88, 25, 6]
    >>> round(psi(base, current), 4), round(psi_critical(999, 1001, 7, 0.05), 4)
    (0.0677, 0.0252)
    """
    return float(psi_contributions(ref_counts, cur_counts, preset).sum())


def psi_critical(n: int, m: int, bins: int, alpha: float) -> float:
    """Value that the index of two samples without a shift exceeds with probability `alpha`, about.

    Parameters
    ----------
    n, m : int
        Rows of the two samples, positive.
    bins : int
        Bins, at least 2.
    alpha : float
        In (0, 1). Good down to about .001: below, the approximation is far too optimistic (n 100, 10 bins, nominal
        1e-5 is 4e-4 really), which is why :mod:`detectors.chi_square` decides and the index does not.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    (1/n + 1/m) chi2(bins - 1) (Yurdakul and Naranjo 2020).
    """
    _check_sizes(n, m, bins)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha:g} is outside (0, 1)")
    return float(chdtri(bins - 1, alpha)) * (1 / n + 1 / m)


def psi_p_value(value: float, n: int, m: int, bins: int) -> float:
    """Probability of an index of `value` or more without a shift, by the approximation of :func:`psi_critical`."""
    _check_sizes(n, m, bins)
    return float(chdtrc(bins - 1, value / (1 / n + 1 / m)))


def _check_sizes(n: int, m: int, bins: int) -> None:
    if n < 1 or m < 1 or bins < 2:
        raise ValueError(f"rows {n} and {m} must be positive, bins {bins} at least 2")
