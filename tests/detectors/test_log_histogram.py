import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.log_histogram import LogHistogram

QUANTILES = (0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1)


@given(st.lists(st.floats(1e-3, 1e8), min_size=1, max_size=100), st.sampled_from([0.001, 0.01, 0.1]))
def test_quantiles_keep_the_stated_error(values: list[float], error: float) -> None:
    latency = LogHistogram(relative_error=error)
    latency.update(values)
    for q in QUANTILES:
        true = float(np.quantile(values, q, method="lower"))
        assert abs(latency.quantile(q) - true) <= error * true * (1 + 1e-9)


def test_p99_of_skewed_latencies_is_right_where_a_small_sketch_is_eighteen_percent_off() -> None:
    values = np.random.default_rng(0).pareto(1.2, 100_000) + 1
    latency = LogHistogram()
    latency.update(values)
    assert latency.quantile(0.99) == pytest.approx(np.quantile(values, 0.99, method="lower"), rel=0.01)


def test_values_out_of_range_count_at_its_ends() -> None:
    latency = LogHistogram(smallest=1, largest=1000)
    latency.update([-5, 0, 0.5, 1e6])
    assert [latency.quantile(q) for q in (0, 1 / 3, 2 / 3, 1)] == [0, 0, 1, 1000]
    assert latency.count == 4


def test_values_that_are_none_are_counted_apart() -> None:
    latency = LogHistogram()
    latency.update([math.nan, math.inf, -math.inf, 3.0])
    assert (latency.count, latency.non_finite) == (1, 3)
    assert latency.quantile(0.5) == pytest.approx(3, rel=0.01)


def test_without_values_a_quantile_is_nan() -> None:
    assert math.isnan(LogHistogram().quantile(0.5))


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_lies_between_zero_and_one(q: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        LogHistogram().quantile(q)


@pytest.mark.parametrize("parameters", [(0, 1, 2), (1, 1, 2), (0.1, 0, 2), (0.1, 2, 2), (0.1, 1, math.inf)])
def test_impossible_parameters_are_refused(parameters: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="no histogram"):
        LogHistogram(*parameters)
