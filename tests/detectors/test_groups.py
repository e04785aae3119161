"""Adding groups of rows to many sketches at once is adding them one by one."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.binary_outcomes import BinaryOutcomes
from detectors.errors import LayoutError
from detectors.exact_sum import ExactSum
from detectors.log_histogram import LogHistogram
from detectors.moments import Moments

NUMBER = st.one_of(
    st.sampled_from([0.0, 0.25, 0.5, 1.0, -1.0, 3e9, 1e200, np.nan, np.inf, -np.inf]), st.floats(-10.0, 10.0)
)
GROUPS = st.lists(st.lists(NUMBER, min_size=1, max_size=12), min_size=1, max_size=8)


def flat(groups: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([x for group in groups for x in group]), np.cumsum([0, *map(len, groups)])


def add_to_histograms(histograms: list[LogHistogram], values: np.ndarray, bounds: np.ndarray) -> None:
    LogHistogram.add_groups(histograms, values, np.repeat(np.arange(len(histograms)), np.diff(bounds)))


@pytest.mark.parametrize(("make", "add"), [(ExactSum, ExactSum.add_groups), (LogHistogram, add_to_histograms)])
@given(before=GROUPS, groups=GROUPS)
def test_sums_and_histograms(
    make: Callable[[], Any], add: Callable[..., None], before: list[list[float]], groups: list[list[float]]
) -> None:
    together, apart = [make() for _ in groups], [make() for _ in groups]
    for some in (before[: len(groups)], groups):
        values, bounds = flat(some)
        add(together[: len(some)], values, bounds)
        for sketch, group in zip(apart, some, strict=False):
            sketch.update(group)
    assert [sketch.snapshot() for sketch in together] == [sketch.snapshot() for sketch in apart]


@given(GROUPS)
def test_moments(groups: list[list[float]]) -> None:
    values, bounds = flat(groups)
    rows = np.column_stack([values, values[::-1]])
    together, apart = [Moments(2) for _ in groups], [Moments(2) for _ in groups]
    Moments.add_groups(together, rows, bounds)
    for sketch, (begin, end) in zip(apart, pairwise(bounds.tolist()), strict=True):
        sketch.update(rows[begin:end])
    for one, other in zip(together, apart, strict=True):
        for name in ("n", "low", "high"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
        # What is summed in another order may differ in the last bits.
        assert np.allclose(one.mean, other.mean, rtol=1e-12, atol=1e-12)
        assert np.allclose(one.m2, other.m2, rtol=1e-9, atol=1e-9)


@given(GROUPS, st.randoms(use_true_random=False))
def test_binary_outcomes(groups: list[list[float]], random: Any) -> None:
    scores, bounds = flat(groups)
    labels = np.array([random.choice([0.0, 1.0, 0.5, np.nan]) for _ in scores])
    signs = np.array([random.choice([1, -1]) for _ in scores])
    together, apart = [BinaryOutcomes() for _ in groups], [BinaryOutcomes() for _ in groups]
    BinaryOutcomes.add_groups(together, scores, labels, signs, bounds)
    for sketch, (begin, end) in zip(apart, pairwise(bounds.tolist()), strict=True):
        for row in range(begin, end):
            sketch.update([scores[row]], [labels[row]], sign=int(signs[row]))
    assert [sketch.snapshot() for sketch in together] == [sketch.snapshot() for sketch in apart]


def test_a_sketch_may_be_named_twice() -> None:
    values, bounds = np.array([1.0, 2.0, 3.0, 0.5, 0.25]), np.array([0, 2, 3, 5])
    labels, signs = np.array([1.0, 0.0, 1.0, 0.0, 1.0]), np.ones(5, dtype=np.int64)
    rows = values[:, np.newaxis]
    adding: dict[Callable[[], Any], Callable[[list[Any]], None]] = {
        ExactSum: lambda sketches: ExactSum.add_groups(sketches, values, bounds),
        LogHistogram: lambda sketches: add_to_histograms(sketches, values, bounds),
        BinaryOutcomes: lambda sketches: BinaryOutcomes.add_groups(sketches, values / 3, labels, signs, bounds),
        partial(Moments, 1): lambda sketches: Moments.add_groups(sketches, rows, bounds),
    }
    for make, add in adding.items():
        twice, other, first, second = make(), make(), make(), make()
        add([twice, other, twice])
        add([first, make(), second])
        first.merge(second)
        assert twice.snapshot() == first.snapshot()


def test_sketches_of_different_parameters_are_refused() -> None:
    one, rows = np.zeros(2), np.array([0, 1, 2])
    with pytest.raises(LayoutError):
        BinaryOutcomes.add_groups([BinaryOutcomes(), BinaryOutcomes(0.9)], one, one, np.ones(2, dtype=np.int64), rows)
    with pytest.raises(LayoutError):
        LogHistogram.add_groups([LogHistogram(), LogHistogram(0.02)], one, np.array([0, 1]))
