import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from detectors.errors import LayoutError, SnapshotError
from detectors.exact_sum import LIMIT, ExactSum
from detectors.multiclass_outcomes import MulticlassOutcomes
from detectors.packing import Writer
from detectors.regression_outcomes import RegressionOutcomes

CODES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)
NUMBERS = st.floats(-1e6, 1e6, width=32)
LARGE = st.floats(-(2.0**62), 2.0**62, width=32)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=40)


def columns(rows: list[tuple[float, float]]) -> list[NDArray[np.float64]]:
    return [np.array(column, dtype=float) for column in zip(*rows, strict=True)]


@given(CODES)
def test_multiclass_is_scikit_learns(rows: list[tuple[float, float]]) -> None:
    predicted, labels = columns(rows)
    outcomes = MulticlassOutcomes(4)
    outcomes.update(predicted, labels)
    result = outcomes.result()
    assert result["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert result["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro", zero_division=0))
    assert result["constant_accuracy"] == pytest.approx(np.bincount(labels.astype(int)).max() / len(rows))
    assert outcomes.result(constant_class=0)["constant_accuracy"] == pytest.approx(np.mean(labels == 0))
    assert outcomes.confusion[:4, :4].tolist() == metrics.confusion_matrix(labels, predicted, labels=range(4)).tolist()


def test_undeclared_classes_are_other_and_never_a_hit() -> None:
    outcomes = MulticlassOutcomes(2)
    outcomes.update([0, 7, 1.5, -1, math.nan, 0], [0, 7, 1, 0, 1, math.nan])
    assert (outcomes.n, outcomes.excluded) == (4, 2)
    assert outcomes.confusion.tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 1]]
    assert outcomes.result()["accuracy"] == 0.25
    assert outcomes.result()["other"] == 0.25


@given(PAIRS)
def test_regression_is_scikit_learns(rows: list[tuple[float, float]]) -> None:
    predicted, labels = columns(rows)
    outcomes = RegressionOutcomes()
    outcomes.update(predicted, labels)
    result = outcomes.result()
    tolerance = {"rel": 1e-6, "abs": 1e-3}
    assert result["mae"] == pytest.approx(metrics.mean_absolute_error(labels, predicted), **tolerance)
    assert result["rmse"] == pytest.approx(metrics.root_mean_squared_error(labels, predicted), **tolerance)
    assert result["bias"] == pytest.approx(np.mean(predicted - labels), **tolerance)
    assert result["mean_label"] == pytest.approx(labels.mean(), **tolerance)
    assert outcomes.result(mean=5.0)["constant_rmse"] == pytest.approx(
        math.sqrt(np.mean((labels - 5.0) ** 2)), rel=1e-5, abs=0.1
    )


def test_r2_and_the_constant_predictor() -> None:
    labels = np.array([1.0, 2.0, 3.0, 6.0])
    predicted = np.array([1.5, 2.0, 2.5, 5.0])
    outcomes = RegressionOutcomes()
    outcomes.update(predicted, labels)
    assert outcomes.result()["r2"] == pytest.approx(metrics.r2_score(labels, predicted))
    assert outcomes.result()["constant_rmse"] == pytest.approx(labels.std())
    constant = RegressionOutcomes()
    constant.update([1.0, 2.0], [3.0, 3.0])
    assert math.isnan(constant.result()["r2"])


def test_large_values_do_not_lose_their_squares() -> None:
    outcomes = RegressionOutcomes()
    outcomes.update([2e9, 0.0, 1e-3], [0.0, 2e9, 0.0])
    assert outcomes.result()["rmse"] == pytest.approx(math.sqrt(8e18 / 3), rel=1e-12)
    assert outcomes.excluded == 0


@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e-9, 1e9, 1e17])
def test_errors_of_small_and_large_targets_count(scale: float) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.standard_normal(500) * scale).astype(np.float32).astype(float)
    predicted = (labels + rng.standard_normal(500) * scale / 10).astype(np.float32).astype(float)
    outcomes = RegressionOutcomes()
    outcomes.update(predicted, labels)
    result = outcomes.result()
    assert result["rmse"] == pytest.approx(metrics.root_mean_squared_error(labels, predicted), rel=1e-9)
    assert result["mae"] == pytest.approx(metrics.mean_absolute_error(labels, predicted), rel=1e-9)
    assert result["bias"] == pytest.approx(np.mean(predicted - labels), rel=1e-9)
    assert result["r2"] == pytest.approx(metrics.r2_score(labels, predicted), rel=1e-9)
    assert result["constant_rmse"] == pytest.approx(labels.std(), rel=1e-9)
    assert (outcomes.n, outcomes.excluded, result["n"]) == (500, 0, 500)
    assert len(outcomes.snapshot()) <= 190


def first_format(predicted: list[float], labels: list[float]) -> bytes:
    """Write outcomes as the first format had them: seven sums of multiples of 2**-24."""
    said, true = np.array(predicted), np.array(labels)
    error = said - true
    high, label_high = np.floor(error**2 / LIMIT), np.floor(true**2 / LIMIT)
    columns = (error, abs(error), high, error**2 - high * LIMIT, true, label_high, true**2 - label_high * LIMIT)
    writer = Writer(1).integer(2)
    for column in columns:
        total = ExactSum()
        total.update(column)
        writer.blob(total.snapshot())
    return writer.finish()


def test_the_first_format_is_read_and_merged() -> None:
    old = RegressionOutcomes.from_snapshot(first_format([3e6, 1.0, 2.5], [0.0, 4.0, 2.0]))
    new = RegressionOutcomes()
    new.update([3e6, 1.0, 2.5, math.nan, math.inf], [0.0, 4.0, 2.0, 0.0, 0.0])
    assert old.snapshot() == new.snapshot()
    old.update([1e-5], [2e-5])
    new.merge(RegressionOutcomes.from_snapshot(first_format([0.5], [0.25])))
    assert (old.n, new.n, old.excluded, new.excluded) == (4, 4, 2, 4)
    assert new.result()["mae"] == pytest.approx((3e6 + 3 + 0.5 + 0.25) / 4)
    rounded = RegressionOutcomes.from_snapshot(first_format([1e-5, 0.0], [0.0, 0.0]))
    rounded.update([1e-5], [0.0], sign=-1)
    assert (rounded.result()["rmse"], rounded.result()["n"]) == (0, 1)


def test_regression_rows_that_cannot_count() -> None:
    outcomes = RegressionOutcomes()
    outcomes.update([1.0, math.nan, math.inf, 1e308, 9e18, 1.0], [2.0, 1.0, 1.0, 1.0, -9e18, math.nan])
    assert (outcomes.n, outcomes.excluded) == (1, 5)
    assert outcomes.result()["mae"] == 1


CASES: list[tuple[Callable[[], Any], st.SearchStrategy[Any]]] = [
    (lambda: MulticlassOutcomes(4), CODES),
    (RegressionOutcomes, PAIRS),
    (RegressionOutcomes, st.lists(st.tuples(LARGE, LARGE), min_size=2, max_size=40)),
]


@pytest.mark.parametrize(("new", "rows"), CASES, ids=["multiclass", "regression", "large"])
@given(data=st.data())
def test_corrections_merges_and_snapshots_are_exact(
    new: Callable[[], Any], rows: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    kept, wrong = columns(data.draw(rows)), columns(data.draw(rows))
    once, corrected, delta = new(), new(), new()
    once.update(*kept)
    corrected.update(*wrong)
    corrected.update(*kept)
    delta.update(*wrong, sign=-1)
    corrected.merge(delta)
    assert corrected.snapshot() == once.snapshot()
    assert type(once).from_snapshot(once.snapshot()).snapshot() == once.snapshot()
    once.update(*kept, sign=-1)
    assert once.snapshot() == new().snapshot()
    result = once.result()
    assert result.pop("n") == 0
    assert all(math.isnan(value) for value in result.values())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(LayoutError):
        MulticlassOutcomes(3).merge(MulticlassOutcomes(4))
    with pytest.raises(ValueError, match="classes must be"):
        MulticlassOutcomes(0)
    for outcomes in (MulticlassOutcomes(3), RegressionOutcomes()):
        with pytest.raises(LayoutError):
            outcomes.update([1, 2], [1])
        outcomes.update([1, 2], [1, 0])
        data = outcomes.snapshot()
        for wrong in (b"", data[:-1], data + b"\0", b"\x09" + data[1:]):
            with pytest.raises(SnapshotError):
                type(outcomes).from_snapshot(wrong)
