"""The cells of one model's subjects, and how they are united into bins."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.cell_unions import Groups, quantile_bins
from detectors.grid import Grid
from detectors.vocabulary import Vocabulary
from detectors.wasserstein import cell_positions
from stream.model.compiled import SCORE, CompiledModel

SCORE_LABEL = "score"
"""What the score is called in reports and alerts."""

TEST_BINS = 20
"""Bins of the significance test: of 256 cells a real shift would fill every one a little, and be lost in the noise."""

EFFECT_BINS = 10
"""PSI is defined on deciles by convention."""

MIN_SHARE = 0.05
"""Categories below this share of the reference have no sequential detector of their own."""


@dataclass(frozen=True)
class Subject:
    """One subject's place among the cells.

    Attributes
    ----------
    name, cells
        Name; slice of the flat cells.
    grid
        Its grid or vocabulary.
    """

    name: str
    cells: slice
    grid: Grid | Vocabulary

    @property
    def label(self) -> str:
        """Name for people."""
        return SCORE_LABEL if self.name == SCORE else self.name

    @property
    def numeric(self) -> bool:
        """Whether its cells lie on the number line."""
        return isinstance(self.grid, Grid)

    @property
    def missing(self) -> int:
        """Cell of missing values."""
        return self.grid.missing

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """Where each cell lies on the number line, under- and overflow at their edge; 0 for cells that lie nowhere."""
        if not isinstance(self.grid, Grid):
            return np.zeros(self.grid.size)
        return np.concatenate((cell_positions(self.grid.edges)[0], (0.0, 0.0)))

    def bins(self, reference: NDArray[np.int64], wanted: int) -> Groups:
        """Return the bin of each cell: about `wanted` equally likely ones of the reference; categories as they are."""
        line = reference[: -2 if self.numeric else None]
        if not self.numeric or not line.sum():
            return np.arange(self.grid.size, dtype=np.int64)
        return quantile_bins(reference, wanted)

    def bin_label(self, groups: Groups, group: int) -> str:
        """Return what a bin holds, for people: a range of numbers, or a category."""
        cells = np.flatnonzero(groups == group)
        first, last = int(cells[0]), int(cells[-1])
        if first == self.missing:
            return "missing"
        if isinstance(self.grid, Vocabulary):
            return "unseen" if first == self.grid.unseen else self.grid.names[first]
        if first == self.grid.non_finite:
            return "not finite"
        low = f"{self.grid.edges[first - 1]:.4g}" if first else "-inf"
        high = f"{self.grid.edges[last]:.4g}" if last < self.grid.overflow else "inf"
        return f"{low} to {high}"


def subjects_of(compiled: CompiledModel) -> tuple[Subject, ...]:
    """Return the subjects of a model, in the order of its cells; () while it is learning."""
    layout = compiled.cell_layout
    if layout is None:
        return ()
    return tuple(
        Subject(name, layout.bounds(index), compiled.grids[name]) for index, name in enumerate(compiled.subjects)
    )
