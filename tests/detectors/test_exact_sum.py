import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.exact_sum import FINE_BITS, FRACTION_BITS, LIMIT, ExactSum, sum_fine

IN_RANGE = st.floats(-LIMIT, LIMIT)


@given(st.lists(IN_RANGE, max_size=50))
def test_sum_is_that_of_the_rounded_values_exactly(values: list[float]) -> None:
    exact = ExactSum()
    exact.update(values)
    units = [round(Fraction(value) * 2**FRACTION_BITS) for value in values]
    assert exact.total == sum(units)
    assert exact.n == len(values)
    assert exact.sum == float(Fraction(sum(units), 2**FRACTION_BITS))


@given(st.lists(IN_RANGE, min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[float], random: object) -> None:
    one, other = ExactSum(), ExactSum()
    one.update(values)
    random.shuffle(values)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    other.update(values)
    assert one.snapshot() == other.snapshot()


@given(st.lists(IN_RANGE, min_size=1, max_size=50))
def test_mean_is_off_by_at_most_half_a_unit(values: list[float]) -> None:
    exact = ExactSum()
    exact.update(values)
    true = sum(map(Fraction, values)) / len(values)
    assert abs(Fraction(exact.mean) - true) <= Fraction(1, 2 ** (FRACTION_BITS + 1)) + abs(true) * Fraction(1, 2**52)


def test_many_of_the_largest_do_not_overflow() -> None:
    exact = ExactSum()
    exact.update(np.full(100_000, LIMIT))
    assert exact.total == 100_000 * 2**55
    assert exact.mean == LIMIT


def test_single_precision_scores_are_nearly_exact() -> None:
    scores = np.random.default_rng(0).random(10_000).astype(np.float32).astype(np.float64)
    exact = ExactSum()
    exact.update(scores)
    assert exact.sum == pytest.approx(math.fsum(scores), abs=10_000 * 2.0**-25)


def test_what_cannot_be_summed_is_counted() -> None:
    exact = ExactSum()
    exact.update([math.nan, math.inf, -math.inf, 1e308, LIMIT, 1.0])
    assert (exact.n, exact.missing, exact.out_of_range) == (2, 1, 3)
    assert exact.sum == LIMIT + 1


def test_without_values_the_mean_is_nan() -> None:
    assert math.isnan(ExactSum().mean)


def test_one_number_is_a_batch_of_one() -> None:
    exact = ExactSum()
    exact.update(0.5)
    assert (exact.n, exact.sum) == (1, 0.5)


@given(st.lists(st.floats(-(2.0**62), 2.0**62) | st.floats(-1e76, 1e76), max_size=50))
def test_fine_sums_are_those_of_the_rounded_values_exactly(values: list[float]) -> None:
    units = sum(round(Fraction(value) * 2**FINE_BITS) for value in values)
    assert sum_fine(np.array([values, [-value for value in values]]).reshape(2, -1)) == [units, -units]


def test_many_of_the_largest_squares_do_not_overflow() -> None:
    assert sum_fine(np.full((1, 100_000), 2.0**62)) == [100_000 << 62 + FINE_BITS]
    assert sum_fine(np.full((1, 100_000), 2.0**126)) == [100_000 << 126 + FINE_BITS]
