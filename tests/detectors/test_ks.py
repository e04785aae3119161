import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.stats import ks_2samp

from detectors.errors import LayoutError
from detectors.ks import ks_test

VALUES = st.lists(st.integers(0, 11), min_size=2, max_size=60)


def cells(values: ArrayLike, special: tuple[int, int] = (0, 0)) -> NDArray[np.int64]:
    return np.concatenate((np.bincount(values, minlength=12), special))


@given(VALUES, VALUES)
def test_statistic_is_scipys_on_the_cell_numbers(ref: list[float], cur: list[float]) -> None:
    result = ks_test(cells(ref), cells(cur))
    oracle = ks_2samp(ref, cur, method="asymp")
    assert result.statistic == pytest.approx(oracle.statistic, abs=1e-12)
    assert result.p_value == pytest.approx(oracle.pvalue, abs=1e-9)


@given(
    st.lists(st.floats(0, 12, exclude_max=True), min_size=2, max_size=40),
    st.lists(st.floats(0, 12, exclude_max=True), min_size=2, max_size=40),
)
def test_the_raw_values_lie_between_statistic_and_upper(ref: list[float], cur: list[float]) -> None:
    result = ks_test(cells(np.floor(ref).astype(int)), cells(np.floor(cur).astype(int)))
    raw = ks_2samp(ref, cur, method="asymp").statistic
    assert result.statistic <= raw + 1e-12
    assert raw <= result.upper + 1e-12


def test_missing_and_non_finite_cells_are_left_out() -> None:
    assert ks_test(cells([1, 2, 3], (50, 7)), cells([1, 2, 3])) == ks_test(cells([1, 2, 3]), cells([1, 2, 3]))
    assert ks_test([10, 20], [20, 10], special=0).statistic == pytest.approx(1 / 3)


def test_without_values_and_with_wrong_cells() -> None:
    assert math.isnan(ks_test([0, 0, 5, 0], [1, 1, 0, 0]).statistic)
    with pytest.raises(LayoutError, match="none is left"):
        ks_test([1, 2], [1, 2])
    with pytest.raises(LayoutError):
        ks_test([1, 2, 0, 0], [1, 2, 3, 0, 0])
