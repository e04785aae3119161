"""Each block of the reference against the others: what a statistic does when nothing is wrong."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from detectors.blocks import BlockReference
from detectors.errors import LayoutError
from detectors.shares import Floats

_NEXT_TO_NOTHING = 0.1
"""A statistic of 0 counts as this part of the smallest positive one: its logarithm must be finite."""


def leave_one_out(
    statistic: Callable[[Floats, Floats], float], counts: ArrayLike, phases: ArrayLike | None = None
) -> Floats:
    """Compute `statistic` of each block against the sum of the other blocks (of its phase).

    Parameters
    ----------
    statistic : callable
        Takes (counts of the others, counts of the block), gives a number; NaN is left out later.
    counts : array_like of shape (m, cells)
        Rows per cell of each block. Sums of counts: anything additive does.
    phases : array_like of int of shape (m,) or None
        Phase of each block; it is compared with blocks of the same phase. A phase's only block gives NaN.

    Returns
    -------
    ndarray of shape (m,)
        One statistic a block; for :func:`log_upper_bound`.

    Raises
    ------
    LayoutError
        If `counts` is not two-dimensional or `phases` not as long.

    Notes
    -----
    m calls of `statistic`, O(m cells) otherwise.
    """
    blocks = np.asarray(counts, dtype=np.float64)
    if blocks.ndim != 2:
        raise LayoutError(f"counts of shape (blocks, cells) expected, got {blocks.shape}")
    phase = np.zeros(len(blocks), np.int64) if phases is None else np.asarray(phases, dtype=np.int64)
    if phase.shape != (len(blocks),):
        raise LayoutError(f"{len(blocks)} blocks and {phase.shape} phases do not fit together")
    totals = {int(p): blocks[phase == p].sum(axis=0) for p in np.unique(phase)}
    others = [totals[int(p)] - block for p, block in zip(phase, blocks, strict=True)]
    pairs = zip(others, blocks, strict=True)
    return np.array([statistic(rest, block) if rest.sum() > 0 else np.nan for rest, block in pairs], dtype=np.float64)


def log_reference(statistics: ArrayLike, phases: ArrayLike | None = None) -> BlockReference:
    """Blocks of the logarithm of a statistic that is not negative; NaN is left out.

    Distances between windows are skewed and scale with the level, so their logarithms are near normal.
    """
    values = np.array(statistics, dtype=np.float64)
    positive = values[values > 0]
    least = _NEXT_TO_NOTHING * float(positive.min()) if positive.size else 1.0
    known = ~np.isnan(values)
    values[known] = np.log(np.maximum(values[known], least))
    return BlockReference(values, phases=phases)


def log_upper_bound(
    statistics: ArrayLike, alpha: float, phases: ArrayLike | None = None, phase: int | None = None
) -> float:
    """Bound that the statistic of a healthy window exceeds with probability `alpha`.

    Parameters
    ----------
    statistics : array_like of shape (m,)
        From :func:`leave_one_out`: not negative, NaN where not known.
    alpha : float
        In (0, 1).
    phases, phase
        Phase of each block, and of the judged one; both or neither.

    Returns
    -------
    float
        Not negative; NaN with fewer than two known statistics in a phase's pool (no degree of freedom); 0 when all
        were 0.

    Notes
    -----
    exp of the Student-t prediction bound of the logarithms.
    """
    if not np.any(np.asarray(statistics, dtype=np.float64) > 0):
        return 0.0 if np.any(np.asarray(statistics, dtype=np.float64) == 0) else float("nan")
    bound = log_reference(statistics, phases).upper_bound(alpha, phase)
    with np.errstate(over="ignore"):
        return float(np.exp(bound))
