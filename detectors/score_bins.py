"""Bins of a probability, fine where scores of rare events lie, and the statistics of ranking on them."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TAIL: Final = 0.01
_SMALLEST: Final = 1e-6
CALIBRATION_BINS: Final = 10
"""Equal-width bins of the expected calibration error, as usual."""


class Auc(NamedTuple):
    """Area under the ROC curve: `value` counts ties within a bin as half; the exact one is within +-`bound`."""

    value: float
    bound: float


@lru_cache(maxsize=16)  # a pure function of one number; bins are a parameter of the model
def score_edges(bins: int) -> Floats:
    """Inner edges of `bins` bins of [0, 1]: half of them of equal width, a quarter growing geometrically at each end.

    Parameters
    ----------
    bins : int
        Multiple of 40, so that tenths are unions of bins. With 200: .01 wide from .01 to .99, and 50 between 1e-6
        and .01 (and likewise below 1), because a fraud model's scores all lie below .01.
    """
    if bins < 40 or bins % 40:
        raise ValueError(f"bins must be a positive multiple of 40, got {bins}")
    middle = np.arange(1, bins // 2) / (bins // 2)
    tail = np.geomspace(_SMALLEST, float(middle[0]), bins // 4 + 1)[:-1]
    edges = np.concatenate((tail, middle, (1 - tail)[::-1]))
    edges.flags.writeable = False
    return edges


def bin_of(scores: Floats, bins: int) -> Ints:
    """Bin of each score in [0, 1], from 0 to `bins` - 1; O(n log bins)."""
    return np.searchsorted(score_edges(bins), scores, side="right").astype(np.int64)


def tenth_of(scores: Floats) -> Ints:
    """Tenth of [0, 1] in which each score lies, 0 to 9; 1.0 belongs to the last."""
    return np.minimum((scores * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def tenth_of_bins(bins: int) -> Ints:
    """Tenth of [0, 1] in which each of the `bins` bins lies, 0 to 9."""
    edges = score_edges(bins)
    return tenth_of(np.concatenate(((edges[:1] / 2), (edges[:-1] + edges[1:]) / 2, (edges[-1:] + 1) / 2)))


def binned_auc(negatives: Ints, positives: Ints) -> Auc:
    """Area under the ROC curve from the counts of each label per bin, in order of score.

    Returns NaN when a label is absent. The bound is half the probability that a positive and a negative share a
    bin. O(bins).
    """
    n, p = int(negatives.sum()), int(positives.sum())
    if n <= 0 or p <= 0:
        return Auc(float("nan"), float("nan"))
    neg, pos = negatives / n, positives / p
    ties = float(neg @ pos) / 2
    below = np.cumsum(neg) - neg
    return Auc(float(below @ pos) + ties, ties)
