import numpy as np
import pytest

from detectors.errors import LayoutError
from detectors.moments import Moments


def test_moments_equal_numpy_after_many_batches() -> None:
    rows = np.random.default_rng(0).normal(loc=(0, 1e6), scale=(1, 0.1), size=(5000, 2))
    moments = Moments(2)
    for batch in np.array_split(rows, 37):
        moments.update(batch)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.variance(), rows.var(axis=0, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(moments.variance(ddof=0), rows.var(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(moments.low, rows.min(axis=0))
    np.testing.assert_array_equal(moments.high, rows.max(axis=0))


def test_each_feature_has_its_own_missing_values() -> None:
    moments = Moments(3)
    moments.update(np.array([[1.0, np.nan, np.inf], [3.0, 4.0, 1e308]]))
    assert moments.n.tolist() == [2, 1, 0]
    assert moments.mean.tolist() == [2, 4, 0]
    assert moments.high.tolist() == [3, 4, -np.inf]
    assert np.isnan(moments.variance()).tolist() == [False, True, True]


def test_a_constant_keeps_its_mean_and_has_no_variance() -> None:
    moments = Moments(1)
    for n in (1, 3, 7, 1000):
        moments.update(np.full((n, 1), 0.1))
    assert moments.mean.tolist() == [0.1]
    assert moments.variance()[0] == pytest.approx(0, abs=1e-30)


def test_the_mean_of_a_constant_stays_in_its_range_under_merges() -> None:
    for constant in np.random.default_rng(0).random(200):
        moments = Moments(1)
        for n in (3, 7, 11):
            moments.update(np.full((n, 1), constant))
        assert moments.low[0] <= moments.mean[0] <= moments.high[0]


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(LayoutError, match="for 2 features"):
        Moments(2).update(np.zeros((4, 3)))
