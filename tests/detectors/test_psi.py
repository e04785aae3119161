import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from detectors.cell_unions import unite
from detectors.errors import LayoutError
from detectors.psi import PSI_PRESETS, PsiPreset, psi, psi_contributions, psi_critical, psi_p_value, quantile_bins

Floats = NDArray[np.float64]
COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=20).filter(
    lambda pairs: sum(r for r, _ in pairs) > 0 and sum(c for _, c in pairs) > 0
)

# CONVENTIONS, "PSI on the same data": mean of the current window -> Evidently, Frouros, reference deciles.
SAME_DATA = [
    (0.0, 0.0151, 0.0076, 0.0035),
    (0.1, 0.0313, 0.6519, 0.0208),
    (0.5, 0.2548, 0.8741, 0.2468),
    (1.0, 0.9930, 1.5809, 0.9307),
    (3.0, 7.988, 110.56, 6.101),
]


def histograms(edges: ArrayLike, *samples: Floats) -> list[NDArray[np.int64]]:
    return [np.histogram(sample, edges)[0] for sample in samples]


def windows() -> tuple[Floats, dict[float, Floats]]:
    rng = np.random.default_rng(0)
    reference = rng.normal(0, 1, 10_000)
    return reference, {mu: rng.normal(mu, 1, 1000) for mu, *_ in SAME_DATA}


@pytest.mark.parametrize(("mu", "evidently", "frouros", "deciles"), SAME_DATA)
def test_presets_agree_with_the_tools_on_the_same_data(
    mu: float, evidently: float, frouros: float, deciles: float
) -> None:
    reference, currents = windows()
    current = currents[mu]
    both = np.concatenate((reference, current))
    sturges = histograms(np.histogram_bin_edges(both, "sturges"), reference, current)
    equal_width = histograms(np.linspace(both.min(), both.max(), 11), reference, current)
    inner = np.quantile(reference, np.arange(1, 10) / 10)
    tenths = histograms(np.concatenate(([-np.inf], inner, [np.inf])), reference, current)

    assert psi(*sturges, preset="evidently") == pytest.approx(evidently, rel=1e-3, abs=5e-5)
    assert psi(*equal_width, preset="frouros") == pytest.approx(frouros, rel=1e-3, abs=5e-5)
    assert psi(*tenths) == pytest.approx(deciles, rel=1e-3, abs=5e-5)


def test_frouros_own_test() -> None:
    rng = np.random.RandomState(31)
    reference, current = rng.normal(2, 2, 500), rng.normal(2, 2, 500)
    both = np.concatenate((reference, current))
    counts = histograms(np.linspace(both.min(), both.max(), 11), reference, current)
    assert psi(*counts, preset="frouros") == pytest.approx(0.01840072, rel=1e-6)


def test_deciles_of_a_fine_grid_agree_with_deciles_of_the_values() -> None:
    reference, currents = windows()
    edges = np.quantile(reference, np.linspace(0.005, 0.995, 199))
    cells = [np.bincount(np.searchsorted(edges, x, side="right"), minlength=202) for x in (reference, currents[0.5])]
    groups = quantile_bins(cells[0], 10)
    assert psi(*(unite(counts, groups) for counts in cells)) == pytest.approx(0.2468, abs=0.01)


def test_table_1_of_yurdakul_and_naranjo() -> None:
    base, current = [253, 302, 204, 134, 72, 26, 8], [177, 262, 285, 158, 88, 25, 6]
    value = psi(base, current)
    assert value == pytest.approx(0.0677, abs=5e-5)
    assert psi_critical(999, 1001, 7, 0.05) == pytest.approx(0.0252, abs=5e-5)
    assert psi_p_value(value, 999, 1001, 7) == pytest.approx(7.2e-6, rel=0.01)


@pytest.mark.parametrize(
    ("n", "m", "bins", "critical"),
    [
        (100, 100, 10, 0.338),
        (200, 200, 10, 0.169),
        (400, 400, 10, 0.085),
        (1000, 1000, 10, 0.034),
        (100, 1000, 10, 0.186),
        (100, 100, 20, 0.603),
        (400, 400, 20, 0.151),
        (1000, 1000, 20, 0.060),
    ],
)
def test_tables_2_and_3_of_yurdakul_and_naranjo(n: int, m: int, bins: int, critical: float) -> None:
    assert psi_critical(n, m, bins, 0.05) == pytest.approx(critical, abs=6e-4)


def test_fills_of_empty_bins() -> None:
    ref, cur = [50, 50, 0], [50, 30, 20]
    assert psi(ref, cur) == pytest.approx(0.2 * math.log(0.5 / 0.3) + 0.1999 * math.log(0.2 / 1e-4))
    assert psi(ref, cur, "evidently") == pytest.approx(psi(ref, cur))
    assert psi(ref, cur, "deepchecks") == pytest.approx(0.2 * math.log(0.5 / 0.3) + 0.19 * math.log(20))
    plus_one = psi([51, 51, 1], [51, 31, 21], "frouros")
    assert psi(ref, cur, "fiddler") == pytest.approx(plus_one)
    rare = psi([99_999, 1, 0], [90_000, 1, 9_999], "evidently")
    assert rare == pytest.approx(0.09999 * math.log(0.99999 / 0.9) + 0.09999 * math.log(0.09999 / 1e-11), rel=1e-6)


@given(COUNTS, st.sampled_from(sorted(PSI_PRESETS)))
def test_never_negative_symmetric_and_the_sum_of_its_parts(pairs: list[tuple[int, int]], preset: PsiPreset) -> None:
    ref, cur = np.array(pairs).T
    value = psi(ref, cur, preset)
    parts = psi_contributions(ref, cur, preset)
    assert value >= 0
    assert np.all(parts >= 0)
    assert parts.sum() == pytest.approx(value)
    assert psi(cur, ref, preset) == pytest.approx(value)
    assert psi(ref, ref, preset) == 0


def test_without_rows_and_with_wrong_input() -> None:
    assert math.isnan(psi([0, 0], [1, 2]))
    assert math.isnan(psi([1, 2], [0, 0]))
    with pytest.raises(LayoutError, match="same cells"):
        psi([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="not negative"):
        psi([1, -2], [1, 2])
    with pytest.raises(ValueError, match="unknown PSI preset"):
        psi([1, 2], [1, 2], "sagemaker")
    with pytest.raises(ValueError, match="at least 2"):
        psi_critical(10, 10, 1, 0.05)
    with pytest.raises(ValueError, match="alpha"):
        psi_critical(10, 10, 5, 0)


def test_fixed_thresholds_alarm_on_small_windows_without_any_drift() -> None:
    """CONVENTIONS, "False alarms of fixed thresholds": why the index alone never decides."""
    rng = np.random.default_rng(7)
    reference = rng.normal(size=50_000)
    inner = np.quantile(reference, np.arange(1, 10) / 10)
    deciles = np.concatenate(([-np.inf], inner, [np.inf]))
    for rows, evidently, tidegauge in ((100, 0.82, 0.38), (500, 0.0, 0.0)):
        fired = np.zeros(2)
        for _ in range(400):
            window = rng.normal(size=rows)
            sturges = np.histogram_bin_edges(np.concatenate((reference, window)), "sturges")
            fired[0] += psi(*histograms(sturges, reference, window), preset="evidently") >= 0.1
            fired[1] += psi(*histograms(deciles, reference, window)) >= 0.1
        assert fired / 400 == pytest.approx([evidently, tidegauge], abs=0.005)
