import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.blocks import BlockReference
from detectors.cusum import WinsorisedCusum
from detectors.run_length import cusum_limit, cusum_run_length

Step = Callable[[np.random.Generator], NDArray[np.float64]]


def alarms_per_block(h: float, blocks: int, rng: np.random.Generator, step: Step) -> float:
    """Alarms of many one-sided CUSUMs, each restarted after its alarm; `step` draws a row of values."""
    sums: NDArray[np.float64] | float = 0.0
    alarms = 0
    for _ in range(blocks):
        z = np.clip(step(rng), -3, 3)
        sums = np.maximum(0, sums + z - 1)
        alarms += int((sums > h).sum())
        sums[sums > h] = 0
    return alarms / (blocks * z.size)


@pytest.mark.parametrize("h", [1.5, 2.0, 3.0])
def test_run_length_with_a_known_reference_agrees_with_simulation(h: float) -> None:
    rng = np.random.default_rng(5)
    rate = alarms_per_block(h, 400, rng, lambda r: r.standard_normal(20_000))
    expected = cusum_run_length(h, two_sided=False)
    assert 1 / rate == pytest.approx(expected, rel=4 / math.sqrt(rate * 400 * 20_000) + 0.015)


@pytest.mark.parametrize(("m", "h"), [(8, 3.0), (28, 2.0), (28, 4.0)])
def test_run_length_with_an_estimated_reference_agrees_with_simulation(m: int, h: float) -> None:
    rng = np.random.default_rng(6)
    references = rng.standard_normal((20_000, m))
    mean, sd = references.mean(axis=1), references.std(axis=1, ddof=1) * math.sqrt(1 + 1 / m)
    rate = alarms_per_block(h, 400, rng, lambda r: (r.standard_normal(20_000) - mean) / sd)
    assert 1 / rate == pytest.approx(cusum_run_length(h, df=m - 1, two_sided=False), rel=0.15)


def test_run_length_of_published_charts() -> None:
    # Without clipping: Hawkins and Olwell (1998), k 0.5, h 4 and 5: 335.4 and 930.9 (one side).
    assert cusum_run_length(4, k=0.5, clip=50, two_sided=False) == pytest.approx(335.4, rel=0.01)
    assert cusum_run_length(5, k=0.5, clip=50, two_sided=False) == pytest.approx(930.9, rel=0.01)


def test_two_sides_alarm_twice_as_often() -> None:
    assert cusum_run_length(3) == pytest.approx(cusum_run_length(3, two_sided=False) / 2)


def test_run_length_grows_with_the_limit_and_with_the_reference() -> None:
    lengths = [cusum_run_length(h, df=27) for h in (1, 2, 3, 5, 8)]
    assert lengths == sorted(lengths)
    assert lengths[-1] > 100 * lengths[0]
    by_reference = [cusum_run_length(4, df=df) for df in (7, 13, 27, 59)] + [cusum_run_length(4)]
    assert by_reference == sorted(by_reference)


@pytest.mark.parametrize("df", [None, 27, 8])
@pytest.mark.parametrize("wanted", [50, 700])
def test_the_limit_is_the_smallest_that_suffices(df: int | None, wanted: float) -> None:
    h = cusum_limit(wanted, df=df, floor=0.0)
    assert cusum_run_length(h, df=df) >= wanted
    assert cusum_run_length(h - 0.06, df=df) < wanted


def test_the_floor_holds_and_autocorrelation_raises_the_limit() -> None:
    assert cusum_limit(90) == 5.0
    assert cusum_limit(90, df=27) == 5.0
    plain = cusum_limit(2000, df=27, floor=0.0)
    assert cusum_limit(2000, df=27, rho=0.5, floor=0.0) == pytest.approx(3 * plain)
    assert cusum_limit(2000, df=27, rho=0.5) == pytest.approx(3 * plain)
    assert cusum_limit(2000, df=27, rho=0.1) >= 5.0


def test_few_blocks_cannot_promise_everything() -> None:
    assert cusum_limit(1e9, df=1) == 80.0
    assert cusum_limit(500, df=7) > cusum_limit(500, df=27)


def test_default_limit_keeps_the_promise_on_autocorrelated_days() -> None:
    """The whole chain: 28 healthy days, their estimated autocorrelation, the limit, then years of healthy days."""
    rng = np.random.default_rng(7)
    series, days = 80, 800
    for rho, least in ((0.0, 500), (0.3, 300)):
        x = np.zeros((series, 50 + 28 + days))
        steps = rng.normal(size=x.shape) * math.sqrt(1 - rho**2)
        for t in range(1, x.shape[1]):
            x[:, t] = rho * x[:, t - 1] + steps[:, t]
        episodes = 0
        for row in x:
            reference = BlockReference(row[50:78])
            cusum = WinsorisedCusum(h=cusum_limit(500, df=reference.df, rho=reference.rho))
            episodes += sum(cusum.update(reference.z(value)) for value in row[78:])
        assert series * days / max(1, episodes) > least


@pytest.mark.parametrize(
    "wrong", [{"arl_blocks": 0}, {"arl_blocks": 10, "rho": 1}, {"arl_blocks": 10, "k": 4}, {"arl_blocks": 10, "df": 0}]
)
def test_parameters_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|expected"):
        cusum_limit(**wrong)
