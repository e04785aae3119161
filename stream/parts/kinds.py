"""What rows are counted under: one version of one revision of a model, and which of those can be counted together."""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from stream.model.compiled import CompiledModel
from stream.parts.tables import ShapeTables
from stream.timeline.panes import Int64Array


class Kind(NamedTuple):
    """One version of one compiled model."""

    compiled: CompiledModel
    version: str


class Kinds:
    """Kinds by number, in the order in which they were met; only ever appended to. O(1) a look-up."""

    def __init__(self) -> None:
        self._kinds: list[Kind] = []
        self._numbers: dict[tuple[int, str], int] = {}
        self._shapes: dict[Hashable, int] = {}
        self._shape_of: list[int] = []
        self._tables: dict[int, ShapeTables] = {}
        self._tabled = 0

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, number: int) -> Kind:
        return self._kinds[number]

    def number(self, compiled: CompiledModel, version: str) -> int:
        """Return the number of a kind, a new one if need be."""
        key = (id(compiled), version)  # the list below keeps the object, so its id is nobody else's
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._kinds)
            self._kinds.append(Kind(compiled, version))
            self._shape_of.append(self.shape_number(compiled))
        return number

    def shape(self, number: int) -> int:
        """Return the number of a kind's shape."""
        return self._shape_of[number]

    def tables(self, shape: int) -> ShapeTables:
        """Return what the rows of many kinds of a shape are looked up in; its models must have grids."""
        for number in range(self._tabled, len(self._kinds)):
            compiled = self._kinds[number].compiled
            if not compiled.learning:
                of_shape = self._shape_of[number]
                if of_shape not in self._tables:
                    self._tables[of_shape] = ShapeTables(compiled)
                self._tables[of_shape].add(number, compiled)
        self._tabled = len(self._kinds)
        return self._tables[shape]

    def shape_number(self, compiled: CompiledModel) -> int:
        """Return the number of a model's shape."""
        return self._shapes.setdefault(shape_of(compiled), len(self._shapes))

    def shapes(self, kinds: Int64Array) -> Int64Array:
        """Return the number of each kind's shape."""
        return np.array(self._shape_of, dtype=np.int64)[kinds]


def single(compiled: CompiledModel, version: str) -> Kinds:
    """Return the kinds of rows that are all of one."""
    kinds = Kinds()
    kinds.number(compiled, version)
    return kinds


def shape_of(compiled: CompiledModel) -> Hashable:
    """Return what models must have in common for their rows to lie in the same columns: all but grids and names.

    A model that is learning shares its columns with nobody.
    """
    definition = compiled.definition
    return (
        compiled.revision if compiled.learning else "",
        compiled.numeric,
        compiled.categorical,
        compiled.segments,
        compiled.task,
        definition.positive,
        tuple(definition.classes),
        definition.threshold,
        compiled.panes,
        compiled.rungs_ms,
    )
