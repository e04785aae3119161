"""What windows read of a pane's inputs: a third of the time and an eighth of the memory of the whole part."""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.exact_sum import ExactSum
from stream.parts.inputs import InputsPart, read_cells

Counts = NDArray[np.unsignedinteger[Any]] | NDArray[np.int64]

_NARROW: Final[tuple[type[np.unsignedinteger[Any]], ...]] = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True, slots=True)
class InputsCells:
    """Rows, rows per cell in as few bytes as the largest count needs, and the exact sum of the scores."""

    rows: int
    counts: Counts
    score: ExactSum

    @classmethod
    def of(cls, part: InputsPart) -> Self:
        """Return them of a part."""
        return cls(part.rows, _narrow(part.cells.counts), part.score)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Return them of a part's snapshot; raises SnapshotError."""
        rows, cells, score = read_cells(body)
        return cls(rows, _narrow(cells.counts), score)


def _narrow(counts: NDArray[np.int64]) -> Counts:
    least, most = int(counts.min(initial=0)), int(counts.max(initial=0))
    narrow = next((dtype for dtype in _NARROW if least >= 0 and most <= np.iinfo(dtype).max), None)
    return counts if narrow is None else counts.astype(narrow)
