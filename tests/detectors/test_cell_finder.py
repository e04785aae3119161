"""The table look-up answers as the binary search does, for every double."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.cell_finder import CellFinder
from detectors.errors import LayoutError
from detectors.grid import Grid, make_grid

DOUBLE = st.floats(allow_nan=True, allow_infinity=True)
EDGES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40, unique_by=lambda x: x + 0.0)


def by_search(grids: list[Grid], offsets: list[int], values: np.ndarray) -> np.ndarray:
    return np.column_stack([g.cells(values[:, i]) + o for i, (g, o) in enumerate(zip(grids, offsets, strict=True))])


@given(st.lists(EDGES, min_size=1, max_size=4), st.lists(DOUBLE, max_size=30))
def test_cells_are_those_of_the_search(edges: list[list[float]], values: list[float]) -> None:
    grids = [Grid(sorted(some)) for some in edges]
    offsets = np.cumsum([0, *(grid.size for grid in grids)])[:-1].tolist()
    # Each edge and its neighbours: where a rounded bucket would err first.
    with np.errstate(over="ignore"):
        near = [x for some in edges for e in some for x in (e, np.nextafter(e, np.inf), np.nextafter(e, -np.inf))]
    column = np.array([*values, *near])
    matrix = np.column_stack([column] * len(grids))
    assert np.array_equal(CellFinder(grids, offsets).cells(matrix), by_search(grids, offsets, matrix))


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_cells_of_made_grids(scale: float) -> None:
    rng = np.random.default_rng(3)
    rain = np.where(rng.random(3_000) < 0.5, 0.0, rng.lognormal(sigma=3, size=3_000))
    columns = [rng.normal(size=3_000), rng.integers(0, 9, 3_000) * 1.0, rain, 1013 + rng.normal(size=3_000)]
    matrix = np.column_stack(columns) * scale
    grids = [make_grid(column) for column in matrix.T]
    offsets = [1_000 * i for i in range(len(grids))]
    assert np.array_equal(CellFinder(grids, offsets).cells(matrix), by_search(grids, offsets, matrix))


def test_crowded_grids_are_searched() -> None:
    crowded = Grid([0.0, *(1 + i * 1e-9 for i in range(50)), 1e6])
    values = np.array([[-1.0], [1.0 + 7e-9], [1e6], [np.nan], [-np.inf]])
    assert CellFinder([crowded], [3]).cells(values).ravel().tolist() == (crowded.cells(values[:, 0]) + 3).tolist()


def test_no_features_have_no_cells() -> None:
    assert CellFinder([], []).cells(np.zeros((4, 0))).shape == (4, 0)
    with pytest.raises(LayoutError):
        CellFinder([Grid([0.0])], [])
