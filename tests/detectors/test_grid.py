import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.errors import LayoutError
from detectors.grid import MAX_CELLS, Grid, make_grid

SAMPLES = hnp.arrays(np.float64, st.integers(0, 400), elements=st.floats(width=64) | st.integers(-5, 5).map(float))


def shares(values: np.ndarray, grid: Grid) -> np.ndarray:
    return np.bincount(grid.cells(values), minlength=grid.size) / values.size


def test_cells_are_closed_below_and_open_above() -> None:
    grid = Grid([0.0, 1.0, 2.0])
    values = np.array([-math.inf, -1e308, -1e-9, 0, 0.999, 1, 1.999, 2, 1e308, math.inf, math.nan])
    assert grid.cells(values).tolist() == [5, 0, 0, 1, 1, 2, 2, 3, 3, 5, 4]
    assert (grid.underflow, grid.overflow, grid.missing, grid.non_finite, grid.size) == (0, 3, 4, 5, 6)


def test_representatives_are_midpoints() -> None:
    assert Grid([0.0, 1.0, 4.0]).representatives().tolist() == [0.5, 2.5]


@pytest.mark.parametrize("edges", [[], [1.0, 1.0], [2.0, 1.0], [0.0, math.nan], [0.0, math.inf], [[0.0, 1.0]]])
def test_edges_that_are_none_are_refused(edges: list[float]) -> None:
    with pytest.raises(LayoutError):
        Grid(edges)


def test_a_grid_is_a_value() -> None:
    edges = np.array([0.0, 1.0])
    grid = Grid(edges)
    edges[0] = -5
    assert grid == Grid([0.0, 1.0])
    assert hash(grid) == hash(Grid([0.0, 1.0]))
    assert grid != Grid([0.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        grid.edges[0] = 7


@given(SAMPLES)
def test_any_sample_gives_a_grid_that_holds_it(values: np.ndarray) -> None:
    grid = make_grid(values)
    assert grid.edges.size <= MAX_CELLS + 1
    assert grid == make_grid(values[::-1])
    known = values[np.abs(values) <= 1e100]
    low, high = np.quantile(known, (0.25, 0.75)) if known.size else (0, 0)
    central = known[(known >= low) & (known <= high)]
    cells = grid.cells(central)
    assert ((cells > 0) & (cells < grid.overflow)).all() or not known.size


@pytest.mark.parametrize("max_cells", [8, 64, 256])
def test_three_quarters_of_the_cells_are_equally_likely(max_cells: int) -> None:
    values = np.random.default_rng(0).gamma(2, 5, 100_000)
    grid = make_grid(values, max_cells)
    filled = shares(values, grid)
    filled = filled[filled > 0]
    assert filled.size == max_cells * 3 // 4
    np.testing.assert_allclose(filled, 1 / filled.size, rtol=0.02)
    assert grid.edges.size - 1 == max_cells


def test_the_tails_reach_twenty_interquartile_ranges_beyond_the_data() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    grid = make_grid(values)
    reach = 20 * np.subtract(*np.quantile(values, (0.75, 0.25)))
    assert grid.edges[0] == pytest.approx(values.min() - reach, rel=0.01)
    assert grid.edges[-1] == pytest.approx(values.max() + reach, rel=0.01)
    widths = np.diff(grid.edges[-33:])
    np.testing.assert_allclose(widths[1:] / widths[:-1], 1.2)


def test_each_whole_number_has_a_cell_and_no_cell_is_between() -> None:
    hours = np.tile(np.arange(24.0), 50)
    grid = make_grid(hours)
    assert len(set(grid.cells(np.arange(24.0)).tolist())) == 24
    assert (grid.edges % 1 == 0.5).all()
    np.testing.assert_array_equal(grid.representatives()[grid.cells(hours) - 1], hours)


def test_a_heavy_value_has_a_cell_of_its_own() -> None:
    rng = np.random.default_rng(0)
    rain = np.where(rng.random(20_000) < 0.9, 0.0, rng.exponential(size=20_000) + 1e-6)
    grid = make_grid(rain)
    zero = grid.cells(np.zeros(1))[0]
    assert (grid.cells(rain) == zero).sum() == (rain == 0).sum()
    assert np.sort(shares(rain, grid))[-2] < 0.01


def test_pressure_does_not_fall_into_a_handful_of_cells() -> None:
    pressure = 1013 + 7 * np.random.default_rng(0).normal(size=5000)
    assert np.count_nonzero(shares(pressure, make_grid(pressure))) == 192


def test_one_wild_value_does_not_stretch_the_grid() -> None:
    values = np.append(np.random.default_rng(0).normal(size=1000), 1e12)
    grid = make_grid(values)
    assert grid.edges[-1] < 100
    assert grid.cells(np.array([1e12])).tolist() == [grid.overflow]


@pytest.mark.parametrize("constant", [0.0, 5.0, -0.125, 1e100, 1.3e12])
def test_a_constant_is_told_from_what_lies_beside_it(constant: float) -> None:
    grid = make_grid(np.full(50, constant))
    beside = constant + max(abs(constant), 1.0)
    (cell,), (other,) = grid.cells(np.array([constant])), grid.cells(np.array([beside]))
    assert 0 < cell < grid.overflow
    assert cell != other


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, 1e308]])
def test_a_sample_without_numbers_gives_one_edge(values: list[float]) -> None:
    assert make_grid(np.array(values)) == Grid([0.0])


def test_fewer_than_eight_cells_are_refused() -> None:
    with pytest.raises(LayoutError):
        make_grid(np.arange(5.0), max_cells=7)
