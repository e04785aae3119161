import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare, hypergeom

from detectors.cell_unions import quantile_bins, unite
from detectors.chi_square import chi_square, contingency_groups, goodness_of_fit
from detectors.errors import LayoutError

COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=3, max_size=25).filter(
    lambda pairs: sum(r for r, _ in pairs) > 0 and sum(c for _, c in pairs) > 0
)


@given(pairs=COUNTS, ordered=st.booleans())
def test_statistic_is_scipys_on_the_united_cells(*, pairs: list[tuple[int, int]], ordered: bool) -> None:
    ref, cur = np.array(pairs).T
    result = chi_square(ref, cur, ordered=ordered)
    groups = contingency_groups(ref, cur, ordered=ordered)
    table = np.array([unite(ref, groups), unite(cur, groups)])
    table = table[:, table.sum(axis=0) > 0]  # cells that nobody visited carry no information
    if result.rare is not None:
        assert (ordered, table.shape[1], result.cells) == (True, 1, 2)
        return
    assert result.cells == table.shape[1]
    if result.cells == 1:
        assert (result.statistic, result.dof, result.p_value) == (0, 0, 1)
        return
    oracle = chi2_contingency(table, correction=False)
    assert result.statistic == pytest.approx(oracle.statistic, abs=1e-9)
    assert result.p_value == pytest.approx(oracle.pvalue, abs=1e-9)
    assert result.dof == oracle.dof
    assert oracle.expected_freq.min() >= 5 - 1e-9


@given(COUNTS)
def test_neighbours_are_united_in_order_and_special_cells_only_when_light(pairs: list[tuple[int, int]]) -> None:
    ref, cur = np.array(pairs).T
    groups = contingency_groups(ref, cur)
    line = groups[:-2]
    assert np.all((np.diff(line) == 0) | (np.diff(line) == 1))
    assert np.array_equal(np.unique(groups), np.arange(groups.max() + 1))


def test_a_heavy_missing_cell_keeps_its_own_union() -> None:
    ref, cur = [20, 20, 20, 20, 0, 0], [20, 20, 20, 0, 20, 0]
    groups = contingency_groups(ref, cur)
    assert groups.tolist() == [0, 1, 2, 3, 4, 4]
    assert chi_square(ref, cur).p_value < 1e-6


def test_everything_missing_against_a_few_values() -> None:
    assert contingency_groups([1, 1, 50, 0], [0, 0, 50, 0]).tolist() == [0, 0, 0, 0]


@given(st.tuples(*[st.integers(0, 60)] * 2), st.tuples(*[st.integers(1, 2000)] * 2), st.floats(1e-6, 0.4))
def test_one_rare_cell_is_tested_exactly(missing: tuple[int, int], line: tuple[int, int], alpha: float) -> None:
    result = chi_square([line[0], missing[0], 0], [line[1], missing[1], 0])
    if not sum(missing):
        assert (result.statistic, result.cells, result.p_value) == (0, 1, 1)
        return
    oracle = chi2_contingency([line, missing], correction=False)
    assert (result.cells, result.dof) == (2, 1)
    assert result.statistic == pytest.approx(oracle.statistic, abs=1e-9)
    if oracle.expected_freq.min() >= 5:
        assert result.rare is None
        assert result.p_value == pytest.approx(oracle.pvalue, abs=1e-9)
        return
    rare, common = sorted((missing, line), key=sum)
    drawn, found = min((a + b, a) for a, b in zip(rare, common, strict=True))
    law = hypergeom(sum(missing) + sum(line), sum(rare), drawn)
    assert result.p_value == pytest.approx(min(1, 2 * min(law.sf(found - 1), law.cdf(found))), rel=1e-6)
    if found > sum(rare) * drawn / (sum(missing) + sum(line)):
        assert (result.statistic >= result.critical(alpha) * (1 - 1e-9)) == (result.p_value <= alpha)


def test_a_constant_number_that_vanishes_is_seen() -> None:
    month, hour = [336_000, 0, 0], [0, 500, 0]
    assert contingency_groups(month, hour).tolist() == [0, 0, 0]
    gone, some, one = chi_square(month, hour), chi_square(month, [490, 10, 0]), chi_square(month, [499, 1, 0])
    assert (gone.p_value, gone.dof) == (0, 1)
    assert gone.divergence == pytest.approx(336_500**2 / 336_000 / 500)
    assert gone.divergence > some.divergence > some.critical_divergence(1e-9)
    assert some.p_value < 1e-20
    assert one.p_value == pytest.approx(2 * 500 / 336_500)  # no proof at the level of any page
    assert chi_square([0, 336_000, 0], [500, 0, 0]).p_value == 0


def test_published_numbers() -> None:
    frouros = chi_square([4, 2, 0], [1, 1, 4], ordered=False, min_expected=0)
    assert frouros.statistic == pytest.approx(6.1333, abs=5e-5)
    assert frouros.p_value == pytest.approx(0.04657615, rel=1e-6)
    evidently = goodness_of_fit([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8])
    assert evidently.p_value == pytest.approx(0.67309, abs=5e-6)
    oracle = chisquare([16, 16, 16, 16, 16, 8], [16, 18, 16, 14, 12, 12])
    assert evidently.statistic == pytest.approx(oracle.statistic)


def test_one_row_of_a_new_category_is_no_proof() -> None:
    ref, cur = [3000, 3000, 0], [300, 299, 1]
    assert goodness_of_fit(ref, cur).p_value == 0  # Evidently's test: an alarm for 1 row in 600
    assert chi_square(ref, cur, ordered=False).p_value > 0.5


def test_nominal_level_holds_in_the_tail_where_psi_fails() -> None:
    rng = np.random.default_rng(11)
    edges = np.quantile(rng.normal(size=100_000), np.linspace(0.01, 0.99, 100))
    count = lambda n: np.bincount(np.searchsorted(edges, rng.normal(size=n)), minlength=103)  # noqa: E731
    p = np.array([chi_square(count(2000), count(200)).p_value for _ in range(3000)])
    for alpha in (0.1, 0.01, 0.001):
        tolerance = 4 * math.sqrt(alpha / len(p)) + 1e-9
        assert np.mean(p <= alpha) <= alpha + tolerance
    assert np.mean(p <= 0.1) > 0.07


def test_divergence_does_not_depend_on_the_number_of_rows() -> None:
    ref, cur = np.array([500, 300, 200, 0, 0]), np.array([400, 300, 300, 0, 0])
    small, large = chi_square(ref, cur), chi_square(ref * 10, cur * 10)
    assert large.statistic == pytest.approx(10 * small.statistic)
    assert large.divergence == pytest.approx(small.divergence)
    assert small.critical_divergence(0.01) == pytest.approx(small.critical(0.01) / 500)
    assert (small.statistic > small.critical(0.01)) == (small.p_value < 0.01)


def test_without_rows_and_with_wrong_cells() -> None:
    empty = chi_square([0, 0, 0], [1, 2, 3])
    assert (empty.statistic, empty.p_value, empty.divergence) == (0, 1, 0)
    assert empty.critical(0.01) == math.inf
    assert empty.critical_divergence(0.01) == math.inf
    with pytest.raises(LayoutError):
        chi_square([1, 2], [1, 2, 3])
    with pytest.raises(LayoutError, match="special"):
        chi_square([10, 20], [20, 10])


@given(st.lists(st.integers(0, 100), min_size=4, max_size=60).filter(lambda c: sum(c[:-2]) > 0), st.integers(1, 20))
def test_quantile_bins_are_contiguous_and_balanced(counts: list[int], cells: int) -> None:
    groups = quantile_bins(counts, cells)
    line, on_line = groups[:-2], np.array(counts[:-2], dtype=float)
    assert np.all((np.diff(groups) == 0) | (np.diff(groups) == 1))
    assert groups[-1] == groups[-2] + 1 == line[-1] + 2
    assert line[-1] < cells
    shares = unite(on_line, line) / on_line.sum()
    assert shares.max() <= 1 / cells + on_line.max() / on_line.sum() + 1e-9


def test_quantile_bins_of_nothing() -> None:
    with pytest.raises(ValueError, match="positive"):
        quantile_bins([0, 0, 5, 1], 10)
    with pytest.raises(LayoutError):
        unite([1, 2, 3], quantile_bins([1, 1, 0, 0], 2))


def test_unite_keeps_leading_axes() -> None:
    blocks = np.arange(12).reshape(3, 4)
    assert unite(blocks, np.array([0, 0, 1, 1])).tolist() == [[1, 5], [9, 13], [17, 21]]
