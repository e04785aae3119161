import math
from typing import Any

import pytest

from detectors.binary_outcomes import BinaryOutcomes
from detectors.metrics import METRICS, Metric, UnknownMetricError, metric_for, metric_names
from detectors.multiclass_outcomes import MulticlassOutcomes
from detectors.regression_outcomes import RegressionOutcomes


def outcomes_of(task: str) -> dict[str, float]:
    rows: dict[str, tuple[Any, list[float], list[float]]] = {
        "binary": (BinaryOutcomes(), [0.2, 0.8, 0.6], [0, 1, 0]),
        "multiclass": (MulticlassOutcomes(2), [0, 1, 1], [0, 1, 0]),
        "regression": (RegressionOutcomes(), [1.0, 2.0, 4.0], [1.0, 3.0, 2.0]),
    }
    outcomes, predicted, labels = rows[task]
    outcomes.update(predicted, labels)
    result: dict[str, float] = outcomes.result()
    return result


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda m: f"{m.task}-{m.name}")
def test_every_metric_is_computed_in_its_range_and_beside_its_constant(metric: Metric) -> None:
    result = outcomes_of(metric.task)
    assert metric.low <= result[metric.name] <= metric.high
    assert metric.min_drop > 0
    if metric.constant is not None:
        assert math.isfinite(result[metric.constant])


def test_harm_points_where_it_hurts() -> None:
    assert metric_for("log_loss", "binary").harm(0.5, 0.7) == pytest.approx(0.2)
    assert metric_for("accuracy", "binary").harm(0.9, 0.8) == pytest.approx(0.1)
    assert metric_for("accuracy", "binary").harm(0.9, 0.95) < 0
    assert metric_for("calibration", "binary").harm(0.0, -0.3) == pytest.approx(0.3)


def test_least_harm_is_declared_default_or_relative() -> None:
    assert metric_for("log_loss", "binary").least_harm(0.5) == 0.05
    assert metric_for("log_loss", "binary").least_harm(0.5, drop=0.2) == 0.2
    assert metric_for("rmse", "regression").least_harm(400.0) == pytest.approx(40)


def test_defaults_and_names() -> None:
    assert [metric_for("auto", task).name for task in ("binary", "multiclass", "regression")] == [
        "log_loss",
        "accuracy",
        "rmse",
    ]
    assert metric_names("score") == ()


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("acuracy", "binary", "did you mean 'accuracy'"),
        ("f1", "multiclass", "did you mean 'macro_f1'|one of accuracy, macro_f1"),
        ("zzz", "regression", "unknown metric 'zzz'.*one of rmse"),
        ("auto", "score", "no metrics"),
    ],
)
def test_unknown_names_say_the_nearest(name: str, task: str, message: str) -> None:
    with pytest.raises(UnknownMetricError, match=message):
        metric_for(name, task)
