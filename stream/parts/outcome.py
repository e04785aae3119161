"""Outcome part: predictions whose labels came in one rung of label age."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.binary_outcomes import BinaryOutcomes
from detectors.errors import LayoutError, SnapshotError
from detectors.multiclass_outcomes import MulticlassOutcomes
from detectors.packing import Reader, Writer
from detectors.regression_outcomes import RegressionOutcomes
from stream.parts.grouping import Groups
from stream.parts.snapshots import read_counts
from tidegauge.definition import Task

_VERSION = 1
_TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "score")

Outcomes = BinaryOutcomes | MulticlassOutcomes | RegressionOutcomes


class OutcomePart:
    """What labels of one rung add to (or, as corrections, take from) a model's outcomes.

    Parts are deltas by rung: the outcomes at a label age are the merge of the parts of all rungs up to it. All sums
    are exact, so a correction leaves no trace of what it replaced.

    Parameters
    ----------
    task
        Decides which outcomes are kept; for "score" only the labels are counted.
    threshold
        P(positive) from which a binary prediction is positive.
    classes
        Number of classes of a multiclass task.

    Attributes
    ----------
    labelled
        Labelled predictions added minus removed.
    outcomes
        The task's accumulator of the rows that have both a score and a label; None for task "score".
    """

    __slots__ = ("classes", "labelled", "outcomes", "task", "threshold")

    def __init__(self, task: Task, threshold: float = 0.5, classes: int = 0) -> None:
        self.task = task
        self.threshold = threshold
        self.classes = classes
        self.labelled = 0
        self.outcomes: Outcomes | None = _empty(task, threshold, classes)

    def merge(self, other: Self) -> None:
        """Add another part's outcomes; raises LayoutError if its task, threshold or classes differ."""
        mine, others = (self.task, self.threshold, self.classes), (other.task, other.threshold, other.classes)
        if mine != others:
            raise LayoutError(f"outcome parts of different tasks: {mine} and {others}")
        self.labelled += other.labelled
        if self.outcomes is not None and other.outcomes is not None:
            self.outcomes.merge(other.outcomes)  # type: ignore[arg-type]  # equal tasks have equal accumulators

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        outcomes = b"" if self.outcomes is None else self.outcomes.snapshot()
        return (
            Writer(_VERSION)
            .counts(_TASKS.index(self.task), self.classes, self.labelled)
            .number(self.threshold)
            .blob(outcomes)
            .finish()
        )

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Return the part that was snapshot; raises SnapshotError for bad bytes or a newer version."""
        reader = Reader(data, _VERSION)
        task, classes, labelled = read_counts(reader, 3)
        if not 0 <= task < len(_TASKS):
            raise SnapshotError(f"unknown task {task}")
        part = cls(_TASKS[task], reader.number(), classes)
        part.labelled = labelled
        body = reader.blob()
        if part.outcomes is not None:
            part.outcomes = type(part.outcomes).from_snapshot(body)
        reader.finish()
        return part


def add_to_outcomes(
    parts: Sequence[OutcomePart],
    groups: Groups,
    score: NDArray[np.float64],
    label: NDArray[np.float64],
    sign: NDArray[np.int64],
) -> None:
    """Add the outcomes of each group to its part (sign 1), and take back those they replace (sign -1).

    Scores and labels are class codes for a multiclass task. A row whose score is NaN (the request failed) or whose
    label is NaN counts as labelled and is among the accumulator's `excluded`.
    """
    scores, labels, signs = score[groups.rows], label[groups.rows], sign[groups.rows]
    for part, labelled in zip(parts, np.add.reduceat(signs, groups.bounds[:-1]).tolist(), strict=True):
        part.labelled += labelled
    held = [part.outcomes for part in parts]
    binary = [outcomes for outcomes in held if isinstance(outcomes, BinaryOutcomes)]
    if len(binary) == len(held):
        BinaryOutcomes.add_groups(binary, scores, labels, signs, groups.bounds)
        return
    for outcomes, (begin, end) in zip(held, groups.spans(), strict=True):
        for some in (1, -1):
            rows = np.flatnonzero(signs[begin:end] == some) + begin
            if outcomes is not None and rows.size:
                outcomes.update(scores[rows], labels[rows], sign=some)


def _empty(task: Task, threshold: float, classes: int) -> Outcomes | None:
    if task == "binary":
        return BinaryOutcomes(threshold=threshold)
    if task == "multiclass":
        return MulticlassOutcomes(classes)
    return RegressionOutcomes() if task == "regression" else None
