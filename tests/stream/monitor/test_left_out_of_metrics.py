"""Labelled rows that a metric cannot count are told."""

import math

import numpy as np

from stream.monitor.evaluate_outcomes import _bounds, _left_out
from stream.monitor.windows import OutcomeWindow
from stream.parts.outcome import OutcomePart
from tidegauge.definition import Task


def outcomes_of(task: Task, scores: list[float], labels: list[float]) -> OutcomeWindow:
    part = OutcomePart(task)
    assert part.outcomes is not None
    part.outcomes.update(np.array(scores), np.array(labels))
    return OutcomeWindow(len(scores), part)


def test_of_a_regression() -> None:
    assert _left_out(outcomes_of("regression", [1.0, 5e18], [2.0, 4e18])) == []
    assert _left_out(outcomes_of("regression", [1.0, 1e19, math.nan], [2.0, 1.0, 1.0])) == [
        "2 labelled predictions are in no metric: without a number, or beyond 9.2e18"
    ]


def test_of_classes_nothing_is_said() -> None:
    assert _left_out(outcomes_of("binary", [0.5, math.nan], [1.0, 1.0])) == []


def test_accuracy_is_bounded_by_what_has_no_score_too() -> None:
    outcomes = outcomes_of("binary", [0.9, 0.9, math.nan, math.nan], [1.0, 1.0, 1.0, 1.0])
    outcomes.part.labelled = 4
    assert _bounds(outcomes) == ["accuracy over all predictions between 0.500 and 1.000"]
    outcomes.rows = 8
    assert _bounds(outcomes) == ["accuracy over all predictions between 0.250 and 1.000"]
