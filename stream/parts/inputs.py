"""Inputs part: how the features and the score of one pane are distributed."""

from collections.abc import Iterable, Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.bottom_k import BottomK
from detectors.category_counts import CategoryCounts
from detectors.cell_counts import CellCounts
from detectors.cell_layout import CellLayout
from detectors.errors import LayoutError, SnapshotError
from detectors.exact_sum import ExactSum
from detectors.moments import Moments
from detectors.packing import Reader, Writer
from detectors.sketch import Sketch
from stream.model.compiled import CompiledModel
from stream.parts.grouping import Groups
from stream.parts.snapshots import read_counts

EVIDENCE_ROWS = 8
UNSEEN_CATEGORIES = 16
MAX_UNSEEN_TEXT = 64
"""Bytes of a category outside the vocabulary that are kept: a part of 512 features must fit a message of Kafka."""

_FEW = 64
_VERSION = 1
_NONE_UNSEEN: Final = CategoryCounts(UNSEEN_CATEGORIES).snapshot()
"""What nearly every categorical feature of nearly every pane holds."""


class InputsPart:
    """Cell counts of every feature and the score, with what cells cannot say.

    Parameters
    ----------
    layout
        Cells of the subjects: numeric features, categorical features, the score.
    numeric
        Number of numeric features.

    Attributes
    ----------
    rows
        Predictions.
    cells
        Count per cell of every subject; exact.
    moments
        Mean, variance and extremes of the numeric features, then of the score. Floats: their last bits may depend on
        the order of merging, so nothing is decided by them alone.
    score
        Exact sum of the scores.
    unseen
        For each categorical feature the categories outside its vocabulary.
    evidence
        Ids of the predictions with the smallest hashes: the same ones however the rows were split.
    """

    __slots__ = ("cells", "evidence", "moments", "numeric", "rows", "score", "unseen")

    def __init__(self, layout: CellLayout, numeric: int) -> None:
        self.numeric = numeric
        self.rows = 0
        self.cells = CellCounts(layout)
        self.moments = Moments(numeric + 1)
        self.score = ExactSum()
        self.unseen = [CategoryCounts(UNSEEN_CATEGORIES) for _ in range(len(layout.sizes) - numeric - 1)]
        self.evidence = BottomK(EVIDENCE_ROWS, 0)

    @classmethod
    def of(cls, compiled: CompiledModel) -> Self:
        """Return an empty part of a model; raises LayoutError while it is learning."""
        if compiled.cell_layout is None:
            raise LayoutError(f"{compiled.model} has no grids yet: its rows are kept in sample parts")
        return cls(compiled.cell_layout, len(compiled.numeric))

    def update_unseen(self, categorical: int, categories: list[str]) -> None:
        """Add categories, one per row, outside the vocabulary of a categorical feature (by its index)."""
        self.unseen[categorical].update(map(_brief, categories))

    def merge(self, other: Self) -> None:
        """Add another part's rows; raises LayoutError if its layout differs."""
        if other.numeric != self.numeric or other.cells.layout != self.cells.layout:
            raise LayoutError("inputs parts of different grids")
        self.rows += other.rows
        self.cells.merge(other.cells)
        self.moments.merge(other.moments)
        self.score.merge(other.score)
        for mine, others in zip(self.unseen, other.unseen, strict=True):
            mine.merge(others)
        self.evidence.merge(other.evidence)

    def snapshot(self) -> bytes:
        """Return the state as bytes: about 2 for each cell in use, 40 for each numeric feature."""
        writer = Writer(_VERSION).counts(self.rows, self.numeric)
        sketches: tuple[Sketch, ...] = (self.cells, self.moments, self.score, *self.unseen, self.evidence)
        for sketch in sketches:
            writer.blob(sketch.snapshot())
        return writer.finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Return the part that was snapshot; raises SnapshotError for bad bytes or a newer version."""
        reader = Reader(data, _VERSION)
        rows, numeric = read_counts(reader, 2)
        cells = CellCounts.from_snapshot(reader.blob())
        subjects = len(cells.layout.sizes)
        if not 0 <= numeric < subjects:
            raise SnapshotError(f"{numeric} numeric features of {subjects} subjects")
        part = cls.__new__(cls)  # nothing is made that what was read would replace
        part.rows, part.numeric, part.cells = rows, numeric, cells
        part.moments = Moments.from_snapshot(reader.blob())
        part.score = ExactSum.from_snapshot(reader.blob())
        part.unseen = [_unseen(reader.blob()) for _ in range(subjects - numeric - 1)]
        part.evidence = BottomK.from_snapshot(reader.blob())
        reader.finish()
        return part


def read_cells(data: bytes) -> tuple[int, CellCounts, ExactSum]:
    """Return rows, cells and the sum of the scores of a part's snapshot; raises SnapshotError as far as it reads."""
    reader = Reader(data, _VERSION)
    rows, _ = read_counts(reader, 2)
    cells = CellCounts.from_snapshot(reader.blob())
    reader.blob()  # moments
    return rows, cells, ExactSum.from_snapshot(reader.blob())


def _brief(text: str) -> str:
    """Cut a text to the bytes that are kept, between two characters."""
    if len(text) <= MAX_UNSEEN_TEXT and text.isascii():
        return text
    return text.encode()[:MAX_UNSEEN_TEXT].decode(errors="ignore")


def _unseen(data: bytes) -> CategoryCounts:
    return CategoryCounts(UNSEEN_CATEGORIES) if data == _NONE_UNSEEN else CategoryCounts.from_snapshot(data)


def add_to_inputs(
    parts: Sequence[InputsPart],
    groups: Groups,
    counts: Iterable[NDArray[np.int64]],
    values: NDArray[np.float64],
    hashes: NDArray[np.uint64],
    ids: Sequence[str],
) -> None:
    """Add the rows of each group to its part; some 10 us a part, however few rows it gets.

    Parameters
    ----------
    counts
        For each group int64[layout.total]: how many of its rows lie in each cell.
    values
        float64[n, numeric + 1] of a batch: numeric features, then the score; NaN is missing.
    hashes, ids
        Of the batch's n rows: nearly all are turned away by their hash, their ids unread.
    """
    ordered, bounds = np.take(values, groups.rows, axis=0), groups.bounds
    for part, rows, cells in zip(parts, np.diff(bounds).tolist(), counts, strict=True):
        part.rows += rows
        part.cells.add(cells)
    Moments.add_groups([part.moments for part in parts], ordered, bounds)
    ExactSum.add_groups([part.score for part in parts], ordered[:, -1], bounds)
    _add_evidence([part.evidence for part in parts], groups, hashes, ids)


def _add_evidence(samples: Sequence[BottomK], groups: Groups, hashes: NDArray[np.uint64], ids: Sequence[str]) -> None:
    """Offer each sample the rows of its group whose hash is not above what it holds."""
    limits = np.array([sample.limit for sample in samples], dtype=np.uint64)
    ordered, owner = hashes[groups.rows], groups.of_row
    near = np.flatnonzero(ordered <= limits[owner])
    owners = owner[near]
    edges = np.flatnonzero(owners[1:] != owners[:-1]) + 1
    for offered in np.split(near, edges):
        if offered.size:
            sample = samples[int(owner[offered[0]])]
            some = offered if offered.size < _FEW else offered[sample.candidates(ordered[offered])]
            sample.add_ids(ordered[some].tolist(), [ids[row] for row in groups.rows[some].tolist()])
