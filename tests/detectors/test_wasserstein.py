import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from detectors.errors import LayoutError
from detectors.grid import Grid
from detectors.wasserstein import SMALLEST_SCALE, cell_positions, wasserstein

EDGES = [0.0, 1.0, 1.5, 4.0, 8.0]
COUNTS = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(lambda counts: sum(counts) > 0)
INSIDE = st.lists(st.floats(0, 8, exclude_max=True), min_size=1, max_size=40)


@given(COUNTS, COUNTS)
def test_distance_is_scipys_with_mass_at_midpoints_and_edges(ref: list[float], cur: list[float]) -> None:
    positions = [0.0, 0.5, 1.25, 2.75, 6.0, 8.0]
    result = wasserstein([*ref, 3, 1], [*cur, 0, 9], EDGES, scale=2.0)
    assert cell_positions(EDGES)[0].tolist() == positions
    assert result.distance == pytest.approx(wasserstein_distance(positions, positions, ref, cur) / 2, abs=1e-12)
    shift = (np.average(positions, weights=cur) - np.average(positions, weights=ref)) / 2
    assert result.shift == pytest.approx(shift, abs=1e-12)
    assert abs(result.shift) <= result.distance + 1e-12
    assert result.out_of_range == pytest.approx((cur[0] + cur[-1]) / sum(cur))


@given(INSIDE, INSIDE)
def test_the_raw_values_lie_within_the_bound(ref: list[float], cur: list[float]) -> None:
    grid = Grid(EDGES)
    counts = [np.bincount(grid.cells(np.array(values)), minlength=grid.size) for values in (ref, cur)]
    result = wasserstein(*counts, grid.edges, scale=1.0)
    assert abs(result.distance - wasserstein_distance(ref, cur)) <= result.bound + 1e-9


def test_a_shift_is_measured_in_standard_deviations_of_the_reference() -> None:
    rng = np.random.default_rng(3)
    ref, cur = rng.normal(1013, 7, 20_000), rng.normal(1013 + 1.6 * 7, 7, 20_000)
    grid = Grid(np.linspace(960, 1080, 250))
    counts = [np.bincount(grid.cells(values), minlength=grid.size) for values in (ref, cur)]
    result = wasserstein(*counts, grid.edges)
    assert result.distance == pytest.approx(1.6, abs=0.03)
    assert result.shift == pytest.approx(1.6, abs=0.03)
    assert result.bound < 0.08


def test_a_constant_reference_has_the_smallest_scale() -> None:
    result = wasserstein([0, 10, 0, 0, 0, 0], [0, 0, 10, 0, 0, 0], [0.0, 1.0, 2.0])
    assert result.distance == pytest.approx(1 / SMALLEST_SCALE)


def test_without_values_and_with_wrong_cells() -> None:
    assert math.isnan(wasserstein([0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0.0, 1.0]).distance)
    with pytest.raises(LayoutError, match="4 cells on the number line"):
        wasserstein([1, 2, 0, 0], [1, 2, 0, 0], [0.0, 1.0, 2.0])
    with pytest.raises(LayoutError, match="increasing"):
        wasserstein([1, 2, 0, 0], [1, 2, 0, 0], [1.0, 0.0])
