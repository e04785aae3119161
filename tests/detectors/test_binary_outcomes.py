import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics

from detectors.binary_outcomes import BinaryOutcomes
from detectors.errors import LayoutError, SnapshotError
from detectors.score_bins import bin_of, binned_auc, score_edges, tenth_of, tenth_of_bins

ROWS = st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 1)), min_size=1, max_size=60)


def outcomes_of(scores: ArrayLike, labels: ArrayLike, **parameters: Any) -> BinaryOutcomes:
    outcomes = BinaryOutcomes(**parameters)
    outcomes.update(scores, labels)
    return outcomes


def drawn(n: int, *, rare: bool = False) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    scores = (rng.beta(0.05, 20, n) if rare else rng.beta(2, 3, n)).astype(np.float32).astype(float)
    return scores, (rng.random(n) < np.clip(scores * 1.2, 0, 1)).astype(int)


@given(ROWS)
def test_sums_and_counts_are_scikit_learns(rows: list[tuple[float, int]]) -> None:
    scores, labels = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    result = outcomes_of(scores, labels).result()
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    predicted = scores >= 0.5
    zero = {"zero_division": np.nan}
    assert result["n"] == len(rows)
    assert result["log_loss"] == pytest.approx(metrics.log_loss(labels, clipped, labels=[0, 1]), abs=1e-7)
    assert result["brier"] == pytest.approx(np.mean((scores - labels) ** 2), abs=1e-7)
    assert result["calibration"] == pytest.approx(labels.mean() - scores.mean(), abs=1e-7)
    assert result["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert result["precision"] == pytest.approx(metrics.precision_score(labels, predicted, **zero), nan_ok=True)
    assert result["recall"] == pytest.approx(metrics.recall_score(labels, predicted, **zero), nan_ok=True)
    assert result["f1"] == pytest.approx(metrics.f1_score(labels, predicted, **zero), nan_ok=True)


@given(ROWS)
def test_the_exact_auc_lies_within_the_binning_bound(rows: list[tuple[float, int]]) -> None:
    scores, labels = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    result = outcomes_of(scores, labels).result()
    if labels.min() == labels.max():
        assert math.isnan(result["roc_auc"])
        return
    assert abs(result["roc_auc"] - metrics.roc_auc_score(labels, scores)) <= result["roc_auc_bound"] + 1e-9


@pytest.mark.parametrize("rare", [False, True])
def test_auc_is_close_for_usual_and_for_rare_scores(*, rare: bool) -> None:
    scores, labels = drawn(40_000, rare=rare)
    result = outcomes_of(scores, labels).result()
    assert result["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, scores), abs=0.002)
    assert result["roc_auc_bound"] < (0.16 if rare else 0.01)


def test_expected_calibration_error_is_the_textbooks() -> None:
    scores, labels = drawn(5000)
    tenth = np.minimum((scores * 10).astype(int), 9)
    gaps = [abs(labels[tenth == i].mean() - scores[tenth == i].mean()) * np.mean(tenth == i) for i in np.unique(tenth)]
    assert outcomes_of(scores, labels).result()["ece"] == pytest.approx(sum(gaps), abs=1e-7)


@given(ROWS, ROWS)
def test_taking_rows_back_leaves_the_very_state_before(
    kept: list[tuple[float, int]], wrong: list[tuple[float, int]]
) -> None:
    once, corrected = (BinaryOutcomes() for _ in range(2))
    once.update(*zip(*kept, strict=True))
    corrected.update(*zip(*wrong, strict=True))
    corrected.update(*zip(*kept, strict=True))
    delta = BinaryOutcomes()
    delta.update(*zip(*wrong, strict=True), sign=-1)
    corrected.merge(delta)
    assert corrected.snapshot() == once.snapshot()
    assert corrected.result() == pytest.approx(once.result(), nan_ok=True)
    once.update(*zip(*kept, strict=True), sign=-1)
    assert once.snapshot() == BinaryOutcomes().snapshot()


def test_the_constant_predictor() -> None:
    scores, labels = drawn(1000)
    share = labels.mean()
    own = outcomes_of(scores, labels).result()
    assert own["constant_log_loss"] == pytest.approx(metrics.log_loss(labels, np.full(1000, share)))
    assert own["constant_brier"] == pytest.approx(share * (1 - share))
    assert own["constant_accuracy"] == max(share, 1 - share)
    given_share = outcomes_of(scores, labels).result(prevalence=0.7)
    assert given_share["constant_log_loss"] == pytest.approx(metrics.log_loss(labels, np.full(1000, 0.7)))
    assert given_share["constant_brier"] == pytest.approx(np.mean((labels - 0.7) ** 2))
    assert given_share["constant_accuracy"] == pytest.approx(share)
    always = outcomes_of([0.9, 0.8], [1, 1]).result()
    assert always["constant_log_loss"] == pytest.approx(0, abs=2e-6)


def test_the_threshold_is_compared_in_single_precision() -> None:
    assert outcomes_of([0.7, 0.1], [1, 1], threshold=0.7).confusion == {"tp": 1, "fp": 0, "tn": 0, "fn": 1}
    assert outcomes_of([np.float32(0.7)], [0], threshold=0.7).confusion["fp"] == 1


def test_rows_that_cannot_count_are_counted_as_such() -> None:
    outcomes = outcomes_of([0.5, math.nan, 1.1, -0.1, 0.5, 0.5, 1e308], [1, 1, 1, 1, math.nan, 0.5, 1])
    assert (outcomes.n, outcomes.excluded) == (1, 6)
    assert outcomes.result()["brier"] == 0.25
    with pytest.raises(LayoutError):
        outcomes.update([0.5], [1, 0])


def test_without_rows_or_below_them_nothing_is_said() -> None:
    for outcomes in (BinaryOutcomes(), outcomes_of([], [])):
        result = outcomes.result()
        assert result.pop("n") == 0
        assert all(math.isnan(value) for value in result.values())
    below = BinaryOutcomes()
    below.update([0.5], [1], sign=-1)
    assert math.isnan(below.result()["log_loss"])
    assert set(below.result()) == set(outcomes_of([0.5], [1]).result())


def test_merge_and_snapshot_refuse_what_does_not_fit() -> None:
    with pytest.raises(LayoutError):
        BinaryOutcomes().merge(BinaryOutcomes(threshold=0.4))
    with pytest.raises(LayoutError):
        BinaryOutcomes().merge(BinaryOutcomes(bins=400))
    data = outcomes_of(*drawn(100)).snapshot()
    assert BinaryOutcomes.from_snapshot(data).snapshot() == data
    for wrong in (b"", data[:-1], data + b"\0", b"\x07" + data[1:]):
        with pytest.raises(SnapshotError):
            BinaryOutcomes.from_snapshot(wrong)
    with pytest.raises(ValueError, match="multiple of 40"):
        BinaryOutcomes(bins=30)


@pytest.mark.parametrize("bins", [40, 200, 400])
def test_bins_cover_the_unit_interval_finest_at_its_ends(bins: int) -> None:
    edges = score_edges(bins)
    assert edges.size == bins - 1
    assert np.all(np.diff(edges) > 0)
    assert edges[0] == pytest.approx(1e-6)
    assert edges + edges[::-1] == pytest.approx(1.0)
    assert np.bincount(tenth_of_bins(bins)).size == 10
    scores = np.random.default_rng(1).random(5000).astype(np.float32).astype(float)
    assert np.array_equal(tenth_of_bins(bins)[bin_of(scores, bins)], tenth_of(scores))
    tenths = np.arange(11).astype(np.float32) / np.float32(10)
    assert np.array_equal(tenth_of_bins(bins)[bin_of(tenths.astype(float), bins)], tenth_of(tenths.astype(float)))
    assert bin_of(np.array([0.0, 1.0]), bins).tolist() == [0, bins - 1]


def test_tenths_and_ranking_by_hand() -> None:
    assert tenth_of(np.array([0.0, 0.05, 0.95, 1.0])).tolist() == [0, 0, 9, 9]
    auc = binned_auc(np.array([2, 0, 2]), np.array([0, 1, 1]))
    assert auc.value == pytest.approx((2 / 4 + (2 / 4 + 2 / 4 / 2)) / 2)
    assert auc.bound == pytest.approx(0.125)
