import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detectors.significance import benjamini_hochberg, holm, holm_adjusted

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values))


@given(P_VALUES, st.floats(0.001, 0.5))
def test_holm_is_the_step_down_procedure(p_values: list[float], alpha: float) -> None:
    expected = [False] * len(p_values)
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - rank) > alpha:
            break
        expected[index] = True
    assert holm(p_values, alpha).tolist() == expected


@given(P_VALUES)
def test_holm_lies_between_the_p_value_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm_adjusted(p_values)
    assert np.all(adjusted >= p_values)
    assert np.all(adjusted <= np.minimum(1, np.array(p_values) * len(p_values)) + 1e-12)


def test_tests_that_could_not_be_made_are_not_counted() -> None:
    assert holm_adjusted([0.02, math.nan, 0.03])[[0, 2]] == pytest.approx([0.04, 0.04])
    assert math.isnan(holm_adjusted([0.02, math.nan])[1])
    assert benjamini_hochberg([math.nan, 0.02])[1] == 0.02
    assert holm([math.nan, 0.04], 0.05).tolist() == [False, True]
    assert holm_adjusted([]).size == 0


def test_what_is_no_p_value_is_refused() -> None:
    for wrong in ([1.5], [-0.1], [[0.1, 0.2]]):
        with pytest.raises(ValueError, match="p-values"):
            holm_adjusted(wrong)
        with pytest.raises(ValueError, match="p-values"):
            benjamini_hochberg(wrong)
