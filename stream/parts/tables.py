"""Grids and vocabularies of many models of one shape, side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError
from detectors.grid import Grid
from detectors.many_grids import ManyGrids
from detectors.vocabulary import ManyVocabularies
from stream.model.compiled import SCORE, CompiledModel
from stream.parts.growing import Growing
from stream.timeline.panes import Int64Array


class ShapeTables:
    """What the rows of several models of one shape are looked up in, by their kind.

    Parameters
    ----------
    compiled
        One of the models.
    """

    def __init__(self, compiled: CompiledModel) -> None:
        self._scored = isinstance(compiled.grids[SCORE], Grid)
        self._grids = ManyGrids(len(compiled.numeric) + self._scored)
        self._vocabularies = [ManyVocabularies() for _ in compiled.categorical]
        self._offsets: list[Int64Array] = []
        self._number_of = Growing(0)

    def add(self, kind: int, compiled: CompiledModel) -> None:
        """Take in one more kind; raises LayoutError while its model is learning."""
        if compiled.cell_layout is None:
            raise LayoutError(f"{compiled.model} has no grids yet")
        self._number_of.reach(kind + 1)
        self._number_of.values[kind] = len(self._offsets)
        offsets = compiled.cell_layout.offsets
        places = [*range(len(compiled.numeric)), *([-1] if self._scored else [])]
        names = [*compiled.numeric, *([SCORE] if self._scored else [])]
        grids = [grid for name in names if isinstance(grid := compiled.grids[name], Grid)]
        self._grids.add(grids, offsets[places].tolist())
        for many, vocabulary in zip(self._vocabularies, compiled.vocabularies, strict=True):
            many.add(vocabulary)
        self._offsets.append(offsets)

    def codes(self, feature: int, texts: Sequence[str | None], kind: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return the cell of each text in its kind's vocabulary of a feature, and which are outside of it."""
        return self._vocabularies[feature].codes(texts, self._number_of.values[kind])

    def cells(
        self,
        numeric: NDArray[np.float64],
        categorical: Sequence[Int64Array],
        score: NDArray[np.float64],
        kind: Int64Array,
    ) -> Int64Array:
        """Return the flat cells of rows; to a multiclass task's last column the caller adds the classes."""
        numbers, features = self._number_of.values[kind], numeric.shape[1]
        offsets = np.array(self._offsets)[numbers]
        cells = np.empty(offsets.shape, dtype=np.int64)
        values = np.column_stack([numeric, score]) if self._scored else numeric
        found = self._grids.cells(values, numbers)
        cells[:, :features] = found[:, :features]
        for index, codes in enumerate(categorical, start=features):
            np.add(codes, offsets[:, index], out=cells[:, index])
        cells[:, -1] = found[:, -1] if self._scored else offsets[:, -1]
        return cells
