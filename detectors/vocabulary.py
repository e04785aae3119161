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

_NONE: Final = 0
_NOWHERE: Final = 1
"""Columns of a common table: of None, and of a category that no model knows."""

_MOST_CELLS: Final = 1 << 22


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
        """Cell of a value."""
        return self._index.get(value, self.unseen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self.names)} categories)"


class ManyVocabularies:
    """One feature's vocabularies of several models: texts of all models find their cells together.

    Every category of any of them has a number, and a table says which cell that is for each model: one dictionary
    look-up a value. Memory: 4 bytes for each model and category; beyond 16 MB values are looked up one by one.

    Examples
    --------
    >>> both = ManyVocabularies()
    >>> first, second = both.add(Vocabulary(["UA", "DL"])), both.add(Vocabulary(["DL"]))
    >>> both.codes(["DL", "DL", "UA", None], np.array([first, second, second, second]))
    (array([1, 0, 1, 2]), array([2]))
    """

    def __init__(self) -> None:
        self._vocabularies: list[Vocabulary] = []
        self._unseen: NDArray[np.int64] = np.zeros(16, dtype=np.int64)
        self._numbers: dict[str | None, int] = {None: _NONE}
        self._table: NDArray[np.int32] | None = np.zeros((16, 16), dtype=np.int32)

    def add(self, vocabulary: Vocabulary) -> int:
        """Take in one more model's vocabulary; returns the model's number."""
        model = len(self._vocabularies)
        self._vocabularies.append(vocabulary)
        if model == len(self._unseen):
            self._unseen = np.concatenate([self._unseen, np.zeros_like(self._unseen)])
        self._unseen[model] = vocabulary.unseen
        if self._table is not None:
            for name in vocabulary.names:
                self._numbers.setdefault(name, len(self._numbers) + 1)
            self._table = self._fitting(self._table)
        if self._table is not None:
            self._fill(self._table, model)
        return model

    def codes(
        self, values: Sequence[str | None], models: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cell of each value in the vocabulary of its model, and the indices of the categories that are in none."""
        if self._table is None:
            cells = np.array(
                [self._vocabularies[model].cell(value) for model, value in zip(models.tolist(), values, strict=True)],
                dtype=np.int64,
            )
        else:
            numbers = np.fromiter(map(self._numbers.get, values, repeat(_NOWHERE)), np.int64, len(values))
            cells = self._table[models, numbers].astype(np.int64)
        return cells, np.flatnonzero(cells == self._unseen[models])

    def _fitting(self, table: NDArray[np.int32]) -> NDArray[np.int32] | None:
        """Return the table with room for every model and category; None when that would be too large."""
        rows, columns = table.shape
        while rows < len(self._vocabularies):
            rows *= 2
        while columns < len(self._numbers) + 1:
            columns *= 2
        if rows * columns > _MOST_CELLS:
            return None
        if (rows, columns) == table.shape:
            return table
        grown = np.zeros((rows, columns), dtype=np.int32)
        grown[: table.shape[0], : table.shape[1]] = table
        for model, vocabulary in enumerate(self._vocabularies):
            grown[model, table.shape[1] :] = vocabulary.unseen
        return grown

    def _fill(self, table: NDArray[np.int32], model: int) -> None:
        vocabulary = self._vocabularies[model]
        table[model] = vocabulary.unseen
        table[model, _NONE] = vocabulary.missing
        for cell, name in enumerate(vocabulary.names):
            table[model, self._numbers[name]] = cell


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
