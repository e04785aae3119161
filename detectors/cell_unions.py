"""Unions of cells: the bins of a statistic, made from a grid that is finer than it needs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError
from detectors.shares import SPECIAL_CELLS, Floats, on_the_line

Groups = NDArray[np.int64]
"""Index of the union of each cell, from 0 upwards without gaps."""


def quantile_bins(ref_counts: ArrayLike, cells: int = 10, special: int = SPECIAL_CELLS) -> Groups:
    """Unite neighbouring cells into about `cells` equally likely bins of the reference (deciles by default).

    Parameters
    ----------
    ref_counts : array_like of shape (k,)
        The reference's rows per cell of a numeric grid.
    cells : int, default=10
        Wanted number of bins on the number line, at least 1. Ties (a cell heavier than 1/cells) give fewer.
    special : int, default=2
        Cells at the end that keep a bin of their own each (missing, non-finite).

    Returns
    -------
    ndarray of shape (k,)
        The bin of each cell. A bin's share misses 1/cells by at most the share of one cell on each side.

    Raises
    ------
    ValueError
        If `cells` < 1 or the reference has no row on the number line.

    Notes
    -----
    A cell belongs to the quantile in which the middle of its mass lies, so heavy cells are not pushed to one side.
    O(k) time and memory.
    """
    line = on_the_line(ref_counts, special)
    total = float(line.sum())
    if cells < 1 or not total > 0:
        raise ValueError(f"{cells} bins of {total:g} rows: both must be positive")
    middle = (np.cumsum(line) - line / 2) / total
    quantile = np.minimum((middle * cells).astype(np.int64), cells - 1)
    groups = without_gaps(quantile)
    behind = int(groups[-1]) + 1 + np.arange(special, dtype=np.int64)
    return np.concatenate((groups, behind))


def without_gaps(groups: Groups) -> Groups:
    """Renumber groups from 0 upwards, in order, without gaps."""
    return np.unique(groups, return_inverse=True)[1].astype(np.int64).reshape(groups.shape)


def unite(counts: ArrayLike, groups: Groups) -> Floats:
    """Rows per union of cells.

    Parameters
    ----------
    counts : array_like of shape (..., k)
        Rows per cell; leading axes (blocks) are kept.
    groups : ndarray of shape (k,)
        The union of each cell.

    Raises
    ------
    LayoutError
        If the last axis of `counts` is not as long as `groups`.
    """
    values = np.asarray(counts, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] != groups.size:
        raise LayoutError(f"{groups.size} cells expected in the last axis, got shape {values.shape}")
    # Exact either way: counts are whole numbers below 2**53.
    if values.ndim == 1:
        return np.bincount(groups, weights=values).astype(np.float64, copy=False)  # doubles already; stubs say integers
    member = groups[:, None] == np.arange(int(groups.max(initial=-1)) + 1)
    united: Floats = values @ member.astype(np.float64)
    return united


def merge_sparse_ordered(weights: Sequence[float], least: float) -> list[int]:
    """Unite neighbours, from the left, until every union weighs at least `least` (one union if all is less).

    The last union takes what is left over. O(k).
    """
    groups: list[int] = []
    group, weight = 0, 0.0
    for value in weights:
        if weight >= least:
            group, weight = group + 1, 0.0
        groups.append(group)
        weight += value
    return [min(found, group - 1) for found in groups] if weight < least and group > 0 else groups


def merge_sparse_unordered(weights: Sequence[float], least: float) -> list[int]:
    """Unite the lightest cells into one until every union weighs at least `least` (one union if all is less).

    For categories, and for missing and non-finite values: cells without neighbours. O(k log k).
    """
    order = sorted(range(len(weights)), key=weights.__getitem__)
    light = sum(weight < least for weight in weights)
    pooled = sum(weights[cell] for cell in order[:light])
    while light < len(weights) and 0 < pooled < least:
        pooled += weights[order[light]]
        light += 1
    groups = [0] * len(weights)
    for group, cell in enumerate(order[light:], start=1 if light else 0):
        groups[cell] = group
    return groups
