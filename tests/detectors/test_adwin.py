import random
from collections.abc import Iterable

import numpy as np
import pytest
from river import drift
from river._river_rust.drift import AdaptiveWindowing  # the inner window, which keeps what MOA keeps

from detectors.adwin import WeightedAdwin


def alarms(adwin: WeightedAdwin, values: Iterable[float]) -> list[int]:
    return [index for index, value in enumerate(values) if adwin.update(float(value))]


def slices(values: np.ndarray, size: int) -> list[tuple[float, int, float]]:
    return [(float(part.mean()), size, float(part.var() * size)) for part in values.reshape(-1, size)]


def river_stream(number: int) -> np.ndarray:
    """The streams of River's tests/drift/test_drift_detectors.py."""
    draw = np.random.RandomState(12345)
    if number == 1:
        return np.concatenate((draw.randint(2, size=1000), draw.randint(8, size=1000)))
    if number == 2:
        return np.concatenate([[draw.binomial(1, share) for _ in range(1000)] for share in (0.2, 0.8)])
    return np.concatenate([draw.normal(mean, 0.1, 500) > 0 for mean in (0.0, 0.25, 0.0, 0.25)]).astype(int)


@pytest.mark.parametrize(("number", "expected"), [(1, [1023]), (2, [1055]), (3, [543, 1023, 1567])])
def test_goldens_of_river(number: int, expected: list[int]) -> None:
    assert alarms(WeightedAdwin(), river_stream(number)) == expected


def test_golden_of_the_docstring_of_river() -> None:
    draw = random.Random(12345)
    assert alarms(WeightedAdwin(), draw.choices([0, 1], k=1000) + draw.choices(range(4, 8), k=1000)) == [1023]


def test_golden_of_moa_in_the_capymoa_notebook() -> None:
    draw = np.random.default_rng(42)
    values = draw.integers(2, size=2000)
    values[1000:] = draw.integers(6, 12, size=1000)
    assert alarms(WeightedAdwin(delta=0.001, mode="moa"), values) == [1023, 1087]


def test_golden_of_moa_on_the_capymoa_api_page() -> None:
    draw = np.random.RandomState(0)
    values = draw.randint(2, size=2000)
    for index in range(999, 2000):
        values[index] = draw.randint(4, high=8)
    assert alarms(WeightedAdwin(delta=0.001, mode="moa"), values) == [1023, 1055]


@pytest.mark.parametrize("seed", range(25))
def test_river_is_an_oracle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [rng.normal(rng.normal(), rng.exponential() + 0.1, rng.integers(50, 700)) for _ in range(3)]
    blocks += [rng.binomial(1, rng.random(), rng.integers(50, 700)) for _ in range(2)]
    values = np.concatenate(blocks)
    delta, clock = float(rng.choice([0.002, 0.05, 0.3])), int(rng.choice([1, 8, 32]))
    rest = {"max_buckets": int(rng.integers(2, 7)), "min_window_length": int(rng.integers(1, 10))}
    river = drift.ADWIN(delta, clock, **rest)
    moa = AdaptiveWindowing(delta=delta, clock=clock, grace_period=10, **rest)
    expected = []
    for index, value in enumerate(values):
        river.update(value)
        if river.drift_detected:
            expected.append(index)
    ours = WeightedAdwin(delta, clock, **rest)
    assert alarms(ours, values) == expected
    assert ours.width == river.width
    assert ours.mean == pytest.approx(river.estimation)
    expected_moa = [index for index, value in enumerate(values) if moa.update(value)]
    assert alarms(WeightedAdwin(delta, clock, **rest, mode="moa"), values) == expected_moa


@pytest.mark.parametrize("size", [50, 200])
def test_weighted_slices_find_what_plain_means_do_not(size: int) -> None:
    shift_at = 10_000
    rng = np.random.default_rng(3)
    values = np.concatenate((rng.binomial(1, 0.20, shift_at), rng.binomial(1, 0.26, 10_000)))
    parts = slices(values, size)
    weighted, plain = WeightedAdwin(), WeightedAdwin()
    found = [index * size + size for index, part in enumerate(parts) if weighted.update(*part)]
    assert len(found) == 1
    assert shift_at < found[0] <= shift_at + 3000
    assert not [index for index, (mean, _, _) in enumerate(parts) if plain.update(mean)]


def test_slices_carry_the_same_window_as_their_rows() -> None:
    values = np.random.default_rng(0).normal(5, 2, 4000)
    rows, weighted = WeightedAdwin(), WeightedAdwin()
    alarms(rows, values)
    for part in slices(values, 40):
        weighted.update(*part)
    assert weighted.width == rows.width == 4000
    assert weighted.mean == pytest.approx(rows.mean)
    assert weighted.variance == pytest.approx(rows.variance)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 1e308, -1e308])
def test_poison_neither_alarms_nor_blinds(poison: float) -> None:
    stream = river_stream(1).astype(float)
    adwin = WeightedAdwin()
    for value in stream[:500]:
        assert not adwin.update(value)
    assert not adwin.update(poison)
    assert [index for index, value in enumerate(stream[500:], 500) if adwin.update(value)] == [1023]
    assert adwin.ignored == 1


@pytest.mark.parametrize("wild", [1e20, 1e99])
def test_one_wild_value_does_not_blind_for_ever(wild: float) -> None:
    adwin = WeightedAdwin()
    rng = np.random.default_rng(0)
    alarms(adwin, [*rng.random(500), wild, *rng.random(3000)])
    before = adwin.detections
    assert alarms(adwin, rng.random(1000) + 3)
    assert adwin.detections > before


@pytest.mark.parametrize("slice_", [(0.5, -1, 0.0), (0.5, 10, -1.0), (0.5, 10, np.nan), (0.5, 10, np.inf)])
def test_impossible_slices_are_ignored(slice_: tuple[float, int, float]) -> None:
    adwin = WeightedAdwin()
    assert not adwin.update(*slice_)
    assert (adwin.width, adwin.ignored) == (0, 1)


def test_a_slice_without_rows_changes_nothing() -> None:
    adwin = WeightedAdwin()
    before = adwin.snapshot()
    assert not adwin.update(0.5, 0)
    assert adwin.snapshot() == before


def test_memory_grows_with_the_logarithm() -> None:
    adwin = WeightedAdwin()
    sizes = []
    for _ in range(2):
        alarms(adwin, np.random.default_rng(0).integers(2, size=20_000))
        sizes.append(len(adwin.snapshot()))
    assert adwin.width == 40_000
    assert sizes[1] - sizes[0] <= 6 * 24


@pytest.mark.parametrize("parameters", [{"delta": 0}, {"delta": 1}, {"clock": 0}, {"grace": 1}, {"mode": "weka"}])
def test_impossible_parameters_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"mode|delta"):
        WeightedAdwin(**parameters)  # type: ignore[arg-type]  # what is being tested
