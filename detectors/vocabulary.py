"""The cells of one categorical feature: the known categories, one for all others, one for none."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError

MAX_CATEGORIES: Final = 256
"""Categories with a cell of their own, unless told otherwise."""


class Vocabulary:
    """Categories in a fixed order; immutable. Cell i is category i, then ``unseen``, then ``missing``.

    Parameters
    ----------
    names : sequence of str
        Distinct; may be empty.

    Raises
    ------
    LayoutError
        If a name repeats.

    Examples
    --------
    >>> Vocabulary(["UA", "DL"]).codes(["DL", "XX", None, "UA"]).tolist()
    [1, 2, 3, 0]
    """

    __slots__ = ("_index", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names: Final = tuple(names)
        self._index: Final[dict[str | None, int]] = {name: cell for cell, name in enumerate(self.names)}
        if len(self._index) != len(self.names):
            raise LayoutError("a category stands twice in the vocabulary")
        self._index[None] = self.missing

    @property
    def unseen(self) -> int:
        """Cell of categories that are not in the vocabulary."""
        return len(self.names)

    @property
    def missing(self) -> int:
        """Cell of None."""
        return len(self.names) + 1

    @property
    def size(self) -> int:
        """Number of cells, ``unseen`` and ``missing`` included."""
        return len(self.names) + 2

    def codes(self, values: Sequence[str | None]) -> NDArray[np.int64]:
        """Cell of each value; one dictionary look-up each."""
        return np.fromiter(map(self._index.get, values, repeat(self.unseen)), np.int64, len(values))

    def cell(self, value: str | None) -> int:
        """Cell of a value; -1 for a category that is not in the vocabulary."""
        return self._index.get(value, -1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self.names)} categories)"


def codes_of_each(
    vocabularies: Sequence[Vocabulary], values: Sequence[str | None]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cell of each value in its own vocabulary, and the indices of the values that are in none."""
    cells = np.fromiter(map(Vocabulary.cell, vocabularies, values), np.int64, len(values))
    outside = np.flatnonzero(cells < 0)
    for row in outside.tolist():
        cells[row] = vocabularies[row].unseen
    return cells, outside


def make_vocabulary(values: Iterable[str | None], limit: int = MAX_CATEGORIES) -> Vocabulary:
    """Take the ``limit`` most frequent categories, most frequent first, ties by name; None is no category.

    Examples
    --------
    >>> make_vocabulary(["b", "a", "b", None, "c"], limit=2).names
    ('b', 'a')
    """
    counted = Counter(value for value in values if value is not None)
    ranked = sorted(counted, key=lambda name: (-counted[name], name))
    return Vocabulary(ranked[:limit])
