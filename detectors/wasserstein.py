"""Normalised Wasserstein distance on the cells of a grid, with a bound on what the cells hide."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detectors.errors import LayoutError
from detectors.shares import SPECIAL_CELLS, Floats, checked_counts, on_the_line, share_of

SMALLEST_SCALE = 1e-3
"""Least divisor, as Evidently's: a constant reference must not make every change infinite."""


@dataclass(frozen=True, slots=True)
class WassersteinResult:
    """How far mass has moved, in standard deviations of the reference.

    Attributes
    ----------
    distance : float
        Not negative, no unit; NaN when a side has no finite value.
    bound : float
        The distance of the values inside the grid's range, as they were, differs from theirs at cell midpoints by at
        most this; values beyond the range count at its edge, so far outliers are understated.
    shift : float
        Signed change of the mean, in the same unit: its size equals `distance` when all mass moved one way.
    out_of_range : float
        Share of the current rows beyond the edges, in [0, 1].
    """

    distance: float
    bound: float
    shift: float
    out_of_range: float


def cell_positions(edges: ArrayLike) -> tuple[Floats, Floats]:
    """Position and half width of the cells on the number line, under- and overflow at their edge with width 0.

    Parameters
    ----------
    edges : array_like of shape (k,)
        Strictly increasing; k + 1 cells.
    """
    values = np.asarray(edges, dtype=np.float64)
    if values.ndim != 1 or not values.size or np.any(np.diff(values) <= 0):
        raise LayoutError("edges must be strictly increasing, and at least one")
    middle = values[:-1] + np.diff(values) / 2
    half = np.diff(values) / 2
    return np.concatenate((values[:1], middle, values[-1:])), np.concatenate(([0.0], half, [0.0]))


def wasserstein(
    ref_counts: ArrayLike,
    cur_counts: ArrayLike,
    edges: ArrayLike,
    scale: float | None = None,
    special: int = SPECIAL_CELLS,
) -> WassersteinResult:
    """Wasserstein-1 (earth mover's) distance over the reference's standard deviation.

    Parameters
    ----------
    ref_counts, cur_counts : array_like of shape (k + 1 + special,)
        Rows per cell of a grid with k edges.
    edges : array_like of shape (k,)
        The grid's edges, strictly increasing.
    scale : float or None
        Divisor; None takes the reference's standard deviation (ddof 0) on the cells. At least `SMALLEST_SCALE`.
    special : int, default=2
        Cells at the end that are left out (missing, non-finite).

    Raises
    ------
    LayoutError
        If counts and edges do not fit together.
    ValueError
        If a count is negative or not finite.

    Notes
    -----
    The area between the distribution functions (Vallender 1974), each cell's mass at its midpoint. Moving it back
    costs at most half the cell's width times its mass, on both sides: the bound. O(k).

    Examples
    --------
    >>> result = wasserstein([0, 50, 50, 0, 0, 0, 0], [0, 0, 50, 50, 0, 0, 0], [0.0, 1.0, 2.0, 3.0], scale=1.0)
    >>> result.distance, result.shift
    (1.0, 1.0)
    """
    return WassersteinReference(ref_counts, edges, scale, special).compare(cur_counts)


class WassersteinReference:
    """One side of :func:`wasserstein`, worked out once for the many windows that are compared with it.

    Parameters and errors as :func:`wasserstein`. O(k) memory.
    """

    def __init__(
        self, ref_counts: ArrayLike, edges: ArrayLike, scale: float | None = None, special: int = SPECIAL_CELLS
    ) -> None:
        self._special = special
        self._positions, self._half = cell_positions(edges)
        self._gaps = np.diff(self._positions)
        self._shares = self._shares_of(ref_counts)
        self._mean = float(self._shares @ self._positions)
        if scale is None:
            scale = float(np.sqrt(self._shares @ (self._positions - self._mean) ** 2))
        self._divisor = max(SMALLEST_SCALE, scale)

    def compare(self, cur_counts: ArrayLike) -> WassersteinResult:
        """Compare a window's rows per cell; LayoutError and ValueError as :func:`wasserstein`."""
        cur = self._shares_of(cur_counts)
        if np.isnan(self._mean) or np.isnan(cur[0]):
            return WassersteinResult(*(float("nan"),) * 4)
        area = float(np.abs(np.cumsum(self._shares - cur)[:-1]) @ self._gaps)
        return WassersteinResult(
            distance=area / self._divisor,
            bound=float((self._shares + cur) @ self._half) / self._divisor,
            shift=(float(cur @ self._positions) - self._mean) / self._divisor,
            out_of_range=float(cur[0] + cur[-1]),
        )

    def _shares_of(self, counts: ArrayLike) -> Floats:
        line = checked_counts(on_the_line(counts, self._special))
        if line.size != self._positions.size:
            raise LayoutError(
                f"{self._positions.size} cells on the number line expected from the edges, got {line.size}"
            )
        return share_of(line)
