"""Rows of many models to their kinds and contexts: one look-up a row for names that were met before.

What a row is kept under follows from its model, version and segment values alone, once all of them were admitted, for
as long as the same revision of the model holds. Other rows are admitted one model after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.parts.columns import Coded
from stream.parts.keys import segment_label
from stream.parts.kinds import Kinds
from stream.profiler.admit import Admitted, Contexts, admit, admit_columns, column_of
from stream.profiler.column_fields import ColumnFields
from stream.profiler.fields import Int64, PredictionFields, take
from stream.profiler.names import Names

Key = tuple[str | None, ...]
UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows whose models have the same shape: indices into the batch (None: all of it), kinds and segment values."""

    rows: Int64 | None
    kind: Int64
    segments: dict[str, Coded]


@dataclass(frozen=True, slots=True)
class Routed:
    """A batch: the context of each row, the rows that can be counted together, and those of one model at a time."""

    contexts: Contexts
    alike: list[Alike]
    groups: list[Admitted]


@dataclass(slots=True)
class _Table:
    """Routes of one shape: by key a number, and by number what it stands for."""

    shape: int
    attributes: tuple[str, ...]
    numbers: dict[Key, int] = field(default_factory=dict)
    rows: list[tuple[int, ...]] = field(default_factory=list)  # see `columns`
    names: list[list[str]] = field(default_factory=list)
    codes: list[dict[str, int]] = field(default_factory=list)
    array: Int64 | None = None

    def __post_init__(self) -> None:
        self.names = [[] for _ in self.attributes]
        self.codes = [{} for _ in self.attributes]

    def look_up(self, keys: Sequence[Key]) -> Int64:
        return np.fromiter(map(self.numbers.get, keys, repeat(UNKNOWN)), np.int64, len(keys))

    def add(self, key: Key, context: int, kind: int, from_ms: int, until_ms: int) -> None:
        """Remember a route, in place of the one that the key had."""
        row = [context, kind, from_ms, until_ms]
        for value, names, codes in zip(key[2:], self.names, self.codes, strict=True):
            if not value:
                row.append(-1)
                continue
            if value not in codes:
                codes[value] = len(names)
                names.append(value)
            row.append(codes[value])
        number = self.numbers.setdefault(key, len(self.rows))
        self.rows[number : number + 1] = [tuple(row)]
        self.array = None

    def columns(self, numbers: Int64) -> Int64:
        """Return int64[4 + attributes, n] of known routes: context, kind, from when, until when, segment values."""
        if self.array is None:
            self.array = np.ascontiguousarray(np.array(self.rows, dtype=np.int64).reshape(len(self.rows), -1).T)
        return self.array[:, numbers]


class Routes:
    """Routes of one shard under one catalog. Memory: some 200 bytes a context.

    Parameters
    ----------
    names
        Admits what was not met before.
    kinds
        Numbers what rows are counted under.
    """

    def __init__(self, names: Names, kinds: Kinds, catalog: Catalog) -> None:
        self._names, self._kinds, self._catalog = names, kinds, catalog
        self._tables: list[_Table] = []
        self._table_of_shape: dict[int, int] = {}
        self._table_of_model: dict[str, tuple[int, int, int]] = {}

    def route(self, fields: PredictionFields | ColumnFields, timestamps_ms: Int64) -> Routed:
        """Give every row of a batch its context, in the order of the log."""
        if isinstance(fields, ColumnFields):
            return self._route_columns(fields, timestamps_ms)
        contexts = np.zeros(len(fields.ids), dtype=np.uint32)
        middle_ms = int(timestamps_ms[len(timestamps_ms) // 2])  # of nearly all rows the same revisions hold
        parts = [
            _Part(self._tables[t], rows, fields) for t, rows in self._by_table(fields.models, middle_ms) if t != UNKNOWN
        ]
        open_rows = np.ones(len(contexts), dtype=np.bool_)
        for part in parts:
            part.find(timestamps_ms)
            open_rows[part.places[part.known]] = False
        groups: list[Admitted] = []
        if open_rows.any():
            some = np.flatnonzero(open_rows)
            fresh = fields if len(some) == len(contexts) else fields.take(some)
            groups, contexts[some] = admit(fresh, timestamps_ms[some], self._names, self._catalog)
            for part in parts:
                if not part.known.all():
                    self._learn(part, contexts, timestamps_ms)
                    part.find(timestamps_ms)
                    open_rows[part.places[part.known]] = False
            groups = list(_left(groups, some, open_rows))
        return Routed(contexts, [a for part in parts if (a := part.alike(contexts)) is not None], groups)

    def _route_columns(self, fields: ColumnFields, timestamps_ms: Int64) -> Routed:
        """Route rows of one model and version, which has grids: a group a revision, nothing to look up."""
        groups, contexts = admit_columns(fields, timestamps_ms, self._names, self._catalog)
        alike = []
        for group in groups:
            kind = np.full(len(group.rows), self._kinds.number(group.compiled, group.version), dtype=np.int64)
            alike.append(Alike(group.rows if len(groups) > 1 else None, kind, group.segments))
        return Routed(contexts, alike, [])

    def _by_table(self, models: Sequence[str], at_ms: int) -> Iterator[tuple[int, Int64 | None]]:
        """Yield each table and its rows; None for all of them."""
        table_of = {model: self._table(model, at_ms) for model in dict.fromkeys(models)}
        if len(set(table_of.values())) == 1:
            yield table_of[models[0]], None
            return
        tables = np.fromiter(map(table_of.__getitem__, models), np.int64, len(models))
        for table in np.unique(tables).tolist():
            yield table, np.flatnonzero(tables == table)

    def _table(self, model: str, at_ms: int) -> int:
        """Return the table of the revision that holds at an instant; UNKNOWN without one, and while it is learning."""
        found = self._table_of_model.get(model)
        if found is None or not found[1] <= at_ms < found[2]:
            if model not in self._catalog.declared:  # of such there may be any number
                return UNKNOWN
            compiled = self._catalog.compiled_for(model, at_ms)
            found = self._table_of_model[model] = (self._table_for(compiled), *_span(self._catalog, compiled))
        return found[0]

    def _table_for(self, compiled: CompiledModel) -> int:
        if compiled.learning:
            return UNKNOWN
        shape = self._kinds.shape_number(compiled)
        number = self._table_of_shape.setdefault(shape, len(self._tables))
        if number == len(self._tables):
            self._tables.append(_Table(shape, compiled.segments))
        return number

    def _learn(self, part: "_Part", contexts: Contexts, timestamps_ms: Int64) -> None:
        """Remember the routes of rows that were just admitted, where nothing was folded into another name.

        A route that rows of this batch go by, under the revision before, stays until the next batch.
        """
        table = part.table
        taken: set[Key] = set(compress(part.keys, part.known))
        for place in np.flatnonzero(~part.known).tolist():
            key = part.keys[place]
            if key in taken:
                continue
            model, version = str(key[0]), str(key[1])
            context = int(contexts[part.places[place]])
            segments = tuple(segment_label(a, v) for a, v in zip(table.attributes, key[2:], strict=True) if v)
            compiled = self._catalog.compiled_for(model, int(timestamps_ms[part.places[place]]))
            alike = not compiled.learning and self._kinds.shape_number(compiled) == table.shape
            if alike and self._names.resolve(context) == (model, version, segments):
                table.add(key, context, self._kinds.number(compiled, version), *_span(self._catalog, compiled))
                taken.add(key)


def _span(catalog: Catalog, compiled: CompiledModel) -> tuple[int, int]:
    """Return from when until when (exclusive) a declared revision holds."""
    revisions = catalog.revisions(compiled.model)
    index = revisions.index(compiled)
    from_ms = compiled.effective_from_ms if index else _ALWAYS_MS
    return from_ms, revisions[index + 1].effective_from_ms if index + 1 < len(revisions) else _FOREVER_MS


_ALWAYS_MS: Final = int(np.iinfo(np.int64).min)
_FOREVER_MS: Final = int(np.iinfo(np.int64).max)


class _Part:
    """Rows of a batch whose models have one shape, on their way to their routes."""

    def __init__(self, table: _Table, rows: Int64 | None, fields: PredictionFields) -> None:
        self.table, self.rows = table, rows
        self.places = np.arange(len(fields.ids)) if rows is None else rows
        some = None if rows is None else rows.tolist()
        models = fields.models if some is None else take(fields.models, some)
        versions = fields.versions if some is None else take(fields.versions, some)
        segments = fields.segments if some is None else take(fields.segments, some)
        columns = [column_of(segments, name) for name in table.attributes]
        self.keys: list[Key] = list(zip(models, versions, *columns, strict=True))
        self.numbers: Int64 = np.zeros(0, dtype=np.int64)
        self.known: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    def find(self, timestamps_ms: Int64) -> None:
        """Look the rows up: known are those whose names were met under the revision that holds for them."""
        self.numbers = self.table.look_up(self.keys)
        self.known = self.numbers >= 0
        if self.known.any():
            _, _, from_ms, until_ms, *_ = self.table.columns(np.maximum(self.numbers, 0))
            some_ms = timestamps_ms[self.places]
            self.known &= (some_ms >= from_ms) & (some_ms < until_ms)

    def alike(self, contexts: Contexts) -> Alike | None:
        """Return the rows that are known, and write their contexts."""
        every = bool(self.known.all())
        if not every and not self.known.any():
            return None
        places = self.places if every else self.places[self.known]
        found = self.table.columns(self.numbers if every else self.numbers[self.known])
        contexts[places] = found[0]
        named = zip(self.table.attributes, self.table.names, found[4:], strict=True)
        segments = {name: Coded(names, codes) for name, names, codes in named}
        return Alike(self.rows if every else places, found[1], segments)


def _left(groups: Sequence[Admitted], some: Int64, open_rows: NDArray[np.bool_]) -> Iterator[Admitted]:
    """Yield what is left of groups of `some` rows, as indices into the batch, once those that are known are gone."""
    for group in groups:
        rows = some[group.rows]
        kept = np.flatnonzero(open_rows[rows])
        if kept.size == rows.size:
            yield Admitted(group.compiled, group.version, rows, group.segments)
        elif kept.size:
            segments = {name: coded.take(kept) for name, coded in group.segments.items()}
            yield Admitted(group.compiled, group.version, rows[kept], segments)
