import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest
from scipy.stats import t as student

from detectors.blocks import MAX_RHO, BlockReference
from detectors.errors import LayoutError
from detectors.leave_one_out import leave_one_out, log_reference, log_upper_bound

Floats = NDArray[np.float64]
BLOCKS = st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=40)


@given(BLOCKS, st.floats(-2e3, 2e3), st.floats(1e-6, 0.5))
def test_z_and_bounds_are_the_textbook_prediction_interval(values: list[float], value: float, alpha: float) -> None:
    reference = BlockReference(values)
    m, mean, sd = len(values), np.mean(values), np.std(values, ddof=1)
    if sd <= max(1e-9 * abs(mean), 1e-150):  # squares of less have not all their digits
        return
    margin = student.ppf(1 - alpha, m - 1) * sd * math.sqrt(1 + 1 / m)
    assert reference.upper_bound(alpha) == pytest.approx(mean + margin, rel=1e-6, abs=1e-6)
    assert reference.lower_bound(alpha) == pytest.approx(mean - margin, rel=1e-6, abs=1e-6)
    assert reference.interval(2 * alpha) == (reference.lower_bound(alpha), reference.upper_bound(alpha))
    assert reference.z(value) == pytest.approx((value - mean) / (sd * math.sqrt(1 + 1 / m)), rel=1e-6, abs=1e-9)
    assert (reference.z(value) > student.ppf(1 - alpha, m - 1)) == (value > reference.upper_bound(alpha))


def test_z_of_the_next_block_is_student_t() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(5, 2, (4000, 9))
    z = [BlockReference(row[:8]).z(row[8]) for row in draws]
    assert kstest(z, student(7).cdf).pvalue > 0.01
    exceeded = np.mean([row[8] > BlockReference(row[:8]).upper_bound(0.05) for row in draws])
    assert exceeded == pytest.approx(0.05, abs=0.012)


def test_phases_have_means_of_their_own_and_one_spread() -> None:
    rng = np.random.default_rng(2)
    weekday = np.arange(28) % 7
    noise = rng.normal(0, 1, 28)
    reference = BlockReference(100 * weekday + noise, phases=weekday)
    residuals = noise - np.array([noise[weekday == day].mean() for day in weekday])
    assert (reference.blocks, reference.df, reference.calibrated) == (28, 21, True)
    assert reference.sd == pytest.approx(math.sqrt((residuals**2).sum() / 21))
    assert reference.prediction_sd(3) == pytest.approx(reference.sd * math.sqrt(1 + 1 / 4))
    assert abs(reference.z(300, phase=3)) < 3
    assert reference.z(400, phase=3) > 50
    assert math.isnan(reference.z(1, phase=9))
    with pytest.raises(ValueError, match="phase is needed"):
        reference.z(300)
    with pytest.raises(ValueError, match="phase is needed"):
        BlockReference([1, 2, 3]).z(2, phase=1)


def test_calibrated_from_eight_blocks_of_one_phase() -> None:
    assert not BlockReference(range(7)).calibrated
    assert BlockReference(range(8)).calibrated
    assert not BlockReference(range(13), phases=np.arange(13) % 7).calibrated
    assert BlockReference(range(14), phases=np.arange(14) % 7).calibrated


def test_blocks_without_rows_or_value_are_left_out() -> None:
    reference = BlockReference([1, 2, math.nan, 3, math.inf, 99], weights=[10, 20, 30, 40, 50, 0])
    same = BlockReference([1, 2, 3])
    assert (reference.blocks, reference.df, reference.rows) == (3, 2, 70)
    assert (reference.mean, reference.sd) == (same.mean, same.sd)


def test_small_windows_are_allowed_their_sampling_noise_and_large_ones_get_no_credit() -> None:
    values, rows = [0.50, 0.52, 0.49, 0.51, 0.53, 0.47, 0.50, 0.50], [900] * 8
    reference = BlockReference(values, rows, row_variance=0.25)
    usual = reference.prediction_sd()
    assert reference.prediction_sd(n=900) == pytest.approx(usual)
    assert reference.prediction_sd(n=90_000) == usual
    extra = 0.25 * (1 / 100 - 1 / 900)
    assert reference.prediction_sd(n=100) == pytest.approx(math.sqrt((reference.sd**2 + extra) * 9 / 8))
    assert BlockReference(values, rows).prediction_sd(n=100) == usual


def test_what_is_not_known_is_not_a_number_even_beside_equal_blocks() -> None:
    assert math.isnan(BlockReference([1.0] * 9).z(float("nan")))


def test_equal_blocks_alarm_on_any_change_but_not_on_rounding() -> None:
    reference = BlockReference([0.1] * 9 + [0.1 + 1e-17])
    assert reference.z(0.1) == reference.z(sum([0.1] * 10) / 10) == 0
    assert reference.z(0.2) == math.inf
    assert reference.z(0.1 - 1e-8) == -math.inf
    weekdays = BlockReference([0.1, 0.7] * 9, phases=[0, 1] * 9)
    assert weekdays.z(sum([0.7] * 10) / 10, phase=1) == 0
    assert weekdays.z(0.1, phase=1) == -math.inf
    assert BlockReference([0.0] * 9).z(0.0) == 0
    assert BlockReference([0.0] * 9).z(-1e-9) == -math.inf


def test_too_few_blocks_say_nothing() -> None:
    for values in ([], [1.0], [math.nan, math.nan]):
        reference = BlockReference(values)
        assert math.isnan(reference.z(1.0))
        assert math.isnan(reference.upper_bound(0.01))
        assert reference.rho == 0
        assert not reference.calibrated
    assert math.isnan(BlockReference([1, 2, 3]).z(math.nan))


def test_autocorrelation_is_found_without_its_bias() -> None:
    rng = np.random.default_rng(3)
    for rho in (0.0, 0.3, 0.5):
        steps = rng.normal(size=(3000, 80))
        series = np.zeros_like(steps)
        series[:, 0] = steps[:, 0]
        for t in range(1, 80):
            series[:, t] = rho * series[:, t - 1] + math.sqrt(1 - rho**2) * steps[:, t]
        found = np.median([BlockReference(row[-28:]).rho for row in series])
        assert found == pytest.approx(rho, abs=0.05)


def test_autocorrelation_is_clipped_and_does_not_reach_over_gaps() -> None:
    assert BlockReference(np.arange(40.0)).rho == MAX_RHO
    assert BlockReference([1.0, -1.0] * 20).rho == 0
    gaps = np.full(80, math.nan)
    gaps[::2] = np.arange(40.0)
    assert BlockReference(gaps).rho == 0


def test_lengths_must_fit_and_alpha_be_a_probability() -> None:
    with pytest.raises(LayoutError, match="do not fit"):
        BlockReference([1, 2, 3], weights=[1, 2])
    with pytest.raises(LayoutError, match="do not fit"):
        BlockReference([1, 2, 3], phases=[1, 2])
    with pytest.raises(ValueError, match="alpha"):
        BlockReference([1, 2, 3]).upper_bound(0)


def first_cell(rest: Floats, block: Floats) -> float:
    return abs(block[0] / block.sum() - rest[0] / rest.sum())


def test_leave_one_out_compares_each_block_with_the_others() -> None:
    counts = np.array([[10, 10], [12, 8], [20, 0]])
    expected = [abs(10 / 20 - 32 / 40), abs(12 / 20 - 30 / 40), abs(20 / 20 - 22 / 40)]
    assert leave_one_out(first_cell, counts) == pytest.approx(expected)
    by_phase = leave_one_out(first_cell, counts, phases=[0, 0, 1])
    assert by_phase[:2] == pytest.approx([0.1, 0.1])
    assert math.isnan(by_phase[2])
    with pytest.raises(LayoutError):
        leave_one_out(first_cell, [1, 2, 3])
    with pytest.raises(LayoutError):
        leave_one_out(first_cell, counts, phases=[0, 1])


def test_log_bound_is_exceeded_as_often_as_asked() -> None:
    rng = np.random.default_rng(4)
    draws = np.exp(rng.normal(-3, 0.8, (3000, 21)))
    exceeded = np.mean([row[20] > log_upper_bound(row[:20], 0.05) for row in draws])
    assert exceeded == pytest.approx(0.05, abs=0.013)
    assert log_upper_bound(draws[0], 0.001) > log_upper_bound(draws[0], 0.05)


def test_log_bound_of_zeros_and_of_nothing() -> None:
    assert log_upper_bound([0.0, 0.0, 0.0], 0.01) == 0
    assert math.isnan(log_upper_bound([], 0.01))
    assert math.isnan(log_upper_bound([math.nan, math.nan], 0.01))
    assert math.isnan(log_upper_bound([0.5], 0.01))
    assert log_reference([0.0, 1.0, math.nan, 10.0]).blocks == 3
    bound = log_upper_bound([0.1, 0.2, 0.1, 0.2], 0.05, phases=[0, 1, 0, 1], phase=1)
    assert bound == pytest.approx(0.2)
