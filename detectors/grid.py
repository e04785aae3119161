"""The cells of one numeric feature: fixed edges, so that windows, shards and references can be added and compared.

Edges are chosen once (:func:`make_grid`) and belong to the model's definition. Three quarters of the cells are about
equally likely on the data they were made from; an eighth on each side grows geometrically to 20 interquartile ranges
beyond it, because what is watched later (July) may lie far from what was seen first (February).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError
from detectors.moments import PLAUSIBLE

MAX_CELLS: Final = 256
"""Inner cells of a grid, unless told otherwise."""

REACH: Final = 20.0
"""How far the tails go beyond the data, in interquartile ranges."""

GROWTH: Final = 1.2
"""Each tail cell is a fifth wider than the one before: with 32 cells from .01 to 3.3 interquartile ranges."""


class Grid:
    """Sorted edges that cut the real line into cells; immutable.

    With k edges there are k + 3 cells:

    ========  ===========================  =====================
    cell      holds                        name
    ========  ===========================  =====================
    0         x < edges[0]                 ``underflow``
    i < k     edges[i-1] <= x < edges[i]   the inner cells
    k         x >= edges[k-1]              ``overflow``
    k + 1     NaN                          ``missing``
    k + 2     +inf, -inf                   ``non_finite``
    ========  ===========================  =====================

    Parameters
    ----------
    edges : array_like of float, shape (k,)
        At least one; finite, strictly increasing.

    Raises
    ------
    LayoutError
        If the edges are none of that.

    Examples
    --------
    >>> grid = Grid([0.0, 1.0, 2.0])
    >>> grid.cells(np.array([-5.0, 0.0, 1.5, 2.0, np.nan, np.inf])).tolist()
    [0, 1, 2, 3, 4, 5]
    """

    __slots__ = ("edges",)

    def __init__(self, edges: ArrayLike) -> None:
        self.edges: Final[NDArray[np.float64]] = np.array(edges, dtype=np.float64) + 0.0  # never -0.0
        self.edges.flags.writeable = False
        if self.edges.ndim != 1 or not self.edges.size:
            raise LayoutError("a grid needs a list of at least one edge")
        if not np.isfinite(self.edges).all() or (self.edges[1:] <= self.edges[:-1]).any():
            raise LayoutError("the edges of a grid are finite and strictly increasing")

    @property
    def underflow(self) -> int:
        """Cell of values below the first edge."""
        return 0

    @property
    def overflow(self) -> int:
        """Cell of values at or above the last edge."""
        return self.edges.size

    @property
    def missing(self) -> int:
        """Cell of NaN."""
        return self.edges.size + 1

    @property
    def non_finite(self) -> int:
        """Cell of the infinities."""
        return self.edges.size + 2

    @property
    def size(self) -> int:
        """Number of cells, the last four included."""
        return self.edges.size + 3

    def cells(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Cell of each value; O(n log k)."""
        cells: NDArray[np.int64] = np.searchsorted(self.edges, values, side="right").astype(np.int64)
        odd = ~np.isfinite(values)
        if odd.any():
            cells[odd] = np.where(np.isnan(values[odd]), self.missing, self.non_finite)
        return cells

    def representatives(self) -> NDArray[np.float64]:
        """Midpoints of the inner cells, k - 1 values."""
        midpoints: NDArray[np.float64] = self.edges[:-1] + np.diff(self.edges) / 2
        return midpoints

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and np.array_equal(self.edges, other.edges)

    def __hash__(self) -> int:
        return hash(self.edges.tobytes())

    def __repr__(self) -> str:
        return f"Grid({self.edges.size} edges from {self.edges[0]:g} to {self.edges[-1]:g})"


def make_grid(values: NDArray[np.float64], max_cells: int = MAX_CELLS) -> Grid:
    """Make a grid whose cells suit the data: at most ``max_cells`` inner cells.

    Parameters
    ----------
    values : ndarray of float64
        A sample of the feature, in any order. NaN, infinities and implausible values (beyond 1e100) are left out;
        so are values further than 20 interquartile ranges from the quartiles, which the tails are for.
    max_cells : int
        At least 8.

    Notes
    -----
    A value that alone holds the share of two cells (zero rainfall) gets a cell of its own; where there are fewer
    distinct values than cells, each does. Tails of whole numbers lie on halves, so that no cell stays empty.
    Deterministic: equal multisets of values give equal edges. O(n log n).

    Raises
    ------
    LayoutError
        If ``max_cells`` is below 8.

    Examples
    --------
    >>> make_grid(np.array([0.0, 1.0, 1.0, 2.0])).cells(np.array([0.0, 1.0, 2.0])).tolist()
    [10, 11, 12]
    """
    if max_cells < 8:
        raise LayoutError(f"a grid needs at least 8 cells, got {max_cells}")
    # Sorted, because the rounding of a standard deviation depends on order.
    known = np.sort(values[np.abs(values) <= PLAUSIBLE])
    if not known.size:
        return Grid([0.0])
    scale = _scale(known)
    low_quartile, high_quartile = np.quantile(known, (0.25, 0.75))
    near = (known >= low_quartile - REACH * scale) & (known <= high_quartile + REACH * scale)
    distinct, counts = np.unique(known[near], return_counts=True)
    tail_cells = max_cells // 8
    inner = _boundaries(distinct, counts, max_cells - 2 * tail_cells)
    first, last = _outer_edges(distinct, inner, scale)
    steps = REACH * scale * (GROWTH ** np.arange(tail_cells + 1) - 1) / (GROWTH**tail_cells - 1)
    lower, upper = first - steps, last + steps
    if _whole(distinct):
        lower, upper = np.floor(lower) + 0.5, np.ceil(upper) - 0.5
        lower, upper = lower[lower < distinct[0]], upper[upper > distinct[-1]]
    return Grid(np.unique(np.concatenate((lower, inner, upper))))


def _scale(known: NDArray[np.float64]) -> float:
    """Interquartile range; failing that (ties) the standard deviation; failing that (a constant) a tenth of it."""
    low, high = np.quantile(known, (0.25, 0.75))
    # A spread that vanishes beside the values would give tails of no width in floating point.
    floor = float(np.abs(known).max()) * 1e-14
    for spread in (float(high - low), float(known.std())):
        if spread > floor:
            return spread
    return abs(float(low)) / 10 or 1.0


def _boundaries(distinct: NDArray[np.float64], counts: NDArray[np.int64], cells: int) -> NDArray[np.float64]:
    """Edges between distinct values that make at most ``cells`` cells, about equally likely."""
    if distinct.size < 2:
        return np.zeros(0)
    middles = distinct[:-1] + np.diff(distinct) / 2
    # Between neighbouring doubles there is no middle: the upper one then starts the next cell.
    middles = np.where(middles > distinct[:-1], middles, distinct[1:])
    if distinct.size <= cells:
        return middles
    heavy = counts * cells >= 2 * counts.sum()
    chosen = heavy[:-1] | heavy[1:]
    light = np.cumsum(np.where(heavy, 0, counts))
    free = cells - 1 - int(np.count_nonzero(chosen))
    if free > 0:
        targets = light[-1] * np.arange(1, free + 1) / (free + 1)
        chosen[np.minimum(np.searchsorted(light, targets), chosen.size - 1)] = True
    edges: NDArray[np.float64] = middles[chosen]
    return edges


def _outer_edges(distinct: NDArray[np.float64], inner: NDArray[np.float64], scale: float) -> tuple[float, float]:
    """Edges around the data: as far out as the nearest inner edge lies in, at most a tenth of the scale."""
    low, high = float(distinct[0]), float(distinct[-1])
    below = min(float(inner[0]) - low, scale / 10) if inner.size else scale / 10
    above = min(high - float(inner[-1]), scale / 10) if inner.size else scale / 10
    if _whole(distinct):
        below = above = 0.5
    return min(low - below, float(np.nextafter(low, -np.inf))), max(high + above, float(np.nextafter(high, np.inf)))


def _whole(distinct: NDArray[np.float64]) -> bool:
    """Whether all values are whole numbers small enough to have halves between them."""
    return bool((distinct == np.rint(distinct)).all()) and float(np.abs(distinct).max()) < 2.0**50
