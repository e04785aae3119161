import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from detectors.errors import LayoutError
from detectors.hellinger import hellinger
from detectors.jensen_shannon import jensen_shannon
from detectors.total_variation import largest_change, total_variation

COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=20).filter(
    lambda pairs: sum(r for r, _ in pairs) > 0 and sum(c for _, c in pairs) > 0
)
Distance = Callable[[Any, Any], float]
ALL: list[Distance] = [hellinger, jensen_shannon, total_variation, largest_change]


@given(COUNTS)
def test_jensen_shannon_is_scipys_in_every_unit(pairs: list[tuple[int, int]]) -> None:
    ref, cur = np.array(pairs, dtype=float).T
    nats = float(np.nan_to_num(jensenshannon(ref, cur)))
    bits = float(np.nan_to_num(jensenshannon(ref, cur, base=2)))
    assert jensen_shannon(ref, cur) == pytest.approx(nats, abs=1e-7)
    assert jensen_shannon(ref, cur, "distance_bits") == pytest.approx(bits, abs=1e-7)
    assert jensen_shannon(ref, cur, "divergence_nats") == pytest.approx(nats**2, abs=1e-12)
    assert jensen_shannon(ref, cur, "divergence_bits") == pytest.approx(bits**2, abs=1e-12)


def test_evidentlys_threshold_in_the_units_of_the_others() -> None:
    # CONVENTIONS: .1 (distance, nats) = .120 (distance, bits) = .0144 (divergence, bits).
    low, high = 50.0, 70.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if jensen_shannon([50, 50], [middle, 100 - middle]) < 0.1 else (low, middle)
    assert jensen_shannon([50, 50], [low, 100 - low], "distance_bits") == pytest.approx(0.120, abs=5e-4)
    assert jensen_shannon([50, 50], [low, 100 - low], "divergence_bits") == pytest.approx(0.0144, abs=5e-5)


def test_hellinger_of_evidentlys_and_frouros_tests() -> None:
    assert hellinger([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]) == pytest.approx(0.06812, abs=1e-5)
    rng = np.random.RandomState(31)
    ref, cur = rng.normal(2, 2, 500), rng.normal(2, 2, 500)
    edges = np.linspace(min(ref.min(), cur.min()), max(ref.max(), cur.max()), 11)
    assert hellinger(np.histogram(ref, edges)[0], np.histogram(cur, edges)[0]) == pytest.approx(0.04792538, rel=1e-6)


@given(COUNTS)
def test_hellinger_and_total_variation_bound_each_other(pairs: list[tuple[int, int]]) -> None:
    ref, cur = np.array(pairs, dtype=float).T
    h, tv = hellinger(ref, cur), total_variation(ref, cur)
    assert h**2 - 1e-12 <= tv <= math.sqrt(2) * h + 1e-12
    r, c = ref / ref.sum(), cur / cur.sum()
    assert h == pytest.approx(math.sqrt(max(0, 1 - np.sqrt(r * c).sum())), abs=2e-8)
    assert tv == pytest.approx(np.abs(r - c).sum() / 2)
    assert largest_change(ref, cur) == pytest.approx(np.abs(r - c).max())


@pytest.mark.parametrize("distance", ALL)
@given(pairs=COUNTS)
def test_every_distance_is_symmetric_bounded_and_zero_for_equal_shares(
    distance: Distance, pairs: list[tuple[int, int]]
) -> None:
    ref, cur = np.array(pairs, dtype=float).T
    assert distance(ref, cur) == pytest.approx(distance(cur, ref), abs=1e-12)
    assert 0 <= distance(ref, cur) <= 1
    assert distance(ref, ref * 2) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("distance", ALL)
def test_without_rows_and_with_wrong_input(distance: Distance) -> None:
    assert math.isnan(distance([0, 0], [1, 1]))
    assert math.isnan(distance([1, 1], [0, 0]))
    with pytest.raises(LayoutError):
        distance([1, 2], [1, 2, 3])
    with pytest.raises(LayoutError):
        distance([], [])
    with pytest.raises(ValueError, match="not negative"):
        distance([1, math.nan], [1, 2])


def test_disjoint_histograms_are_as_far_apart_as_it_goes() -> None:
    assert hellinger([1, 0], [0, 1]) == 1
    assert total_variation([1, 0], [0, 1]) == 1
    assert jensen_shannon([1, 0], [0, 1], "distance_bits") == pytest.approx(1)
    assert jensen_shannon([1, 0], [0, 1]) == pytest.approx(math.sqrt(math.log(2)))


def test_unknown_unit() -> None:
    with pytest.raises(ValueError, match="unknown unit"):
        jensen_shannon([1, 2], [2, 1], "distance")
