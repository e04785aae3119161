"""Adding columns of rows to parts: the one way in, for live events and for reference files."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.cell_layout import CellLayout
from detectors.errors import LayoutError
from detectors.grid import Grid
from detectors.vocabulary import Vocabulary
from stream.model.compiled import SCORE, CompiledModel, PartName
from stream.parts.columns import Columns, OutcomeRows
from stream.parts.grouping import Groups, counts_by_group, groups_of, outcome_groups_of
from stream.parts.inputs import InputsPart, add_to_inputs
from stream.parts.keys import PartKey
from stream.parts.kinds import Kinds
from stream.parts.outcome import OutcomePart, add_to_outcomes
from stream.parts.part import AnyPart
from stream.parts.sample import SamplePart
from stream.parts.service import ServicePart, add_to_service
from stream.timeline.panes import Int64Array, PaneScheme

T = TypeVar("T")
Held = TypeVar("Held", InputsPart, SamplePart, ServicePart, OutcomePart)

_MANY_ROWS = 256
"""With so many rows of each kind the tables of one model are faster than those of all."""

PartAt = Callable[[CompiledModel, PartKey], AnyPart]
"""Gives the part of a key, a new one if need be, and remembers that it changes."""


def accumulate_inputs(columns: Columns, part_at: PartAt, panes: PaneScheme) -> None:
    """Add rows to the inputs parts (sample parts while the model is learning) of their segments and panes.

    About 50 ns a row and numeric feature, and some 20 us a group, however few rows are in it.
    """
    if columns.compiled.learning:
        _accumulate_sample(columns, part_at, panes)
        return
    cells = flat_cells(columns)
    kinds, _ = columns.by_kind()
    values = np.column_stack([columns.numeric, columns.score])
    for groups in groups_of(columns, panes):
        if not len(groups):
            continue
        parts = _parts(InputsPart, "inputs", kinds, groups, part_at, panes)
        totals = np.array([layout_of(kinds[kind].compiled).total for kind in groups.kind.tolist()], dtype=np.int64)
        add_to_inputs(parts, groups, counts_by_group(cells, totals, groups), values, columns.hashes, columns.ids)
        for index, feature, categories in _unseen_by_group(columns, groups):
            parts[index].update_unseen(feature, categories)


def flat_cells(columns: Columns) -> NDArray[np.int64]:
    """Return int64[n, subjects]: the flat cell of each row in each subject, in the layout of the row's own kind."""
    kinds, kind = columns.by_kind()
    if len(columns) < _MANY_ROWS * len(np.unique(kind)) and (kind != kind[0]).any():
        cells = kinds.tables(kinds.shape(int(kind[0]))).cells(columns.numeric, columns.categorical, columns.score, kind)
        classes = columns.compiled.grids[SCORE]
        if not isinstance(classes, Grid):  # the classes are the definition's, so the same for a whole shape
            cells[:, -1] += _class_cells(classes, columns.predicted)
        return cells
    cells = np.empty((len(columns), len(columns.compiled.subjects)), dtype=np.int64)
    for number, rows in _rows_by_kind(kind):
        compiled = kinds[number].compiled
        numeric, offsets = len(compiled.numeric), layout_of(compiled).offsets
        found = np.empty((len(columns) if rows is None else len(rows), cells.shape[1]), dtype=np.int64)
        some = slice(None) if rows is None else rows
        found[:, :numeric] = compiled.finder.cells(columns.numeric[some])
        for index, codes in enumerate(columns.categorical, start=numeric):
            found[:, index] = codes[some]
        found[:, -1] = _score_cells(compiled, columns.score[some], columns.predicted[some])
        found[:, numeric:] += offsets[numeric:]
        cells[some] = found
    return cells


def _rows_by_kind(kind: Int64Array) -> Iterator[tuple[int, Int64Array | None]]:
    """Yield each kind and its rows; None for all of them."""
    if kind.size and (kind == kind[0]).all():
        yield int(kind[0]), None
        return
    order = np.argsort(kind, kind="stable")
    ordered = kind[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    yield from ((int(kind[rows[0]]), rows) for rows in np.split(order, edges) if rows.size)


def layout_of(compiled: CompiledModel) -> CellLayout:
    """Return the cell layout of a model that has grids; raises LayoutError while it is learning."""
    if compiled.cell_layout is None:
        raise LayoutError(f"{compiled.model} has no grids yet")
    return compiled.cell_layout


def _score_cells(compiled: CompiledModel, score: NDArray[np.float64], predicted: NDArray[np.float64]) -> Int64Array:
    grid = compiled.grids[SCORE]
    if isinstance(grid, Grid):
        return grid.cells(score)
    return _class_cells(grid, predicted)


def _class_cells(classes: Vocabulary, predicted: NDArray[np.float64]) -> Int64Array:
    """Class codes are the vocabulary's cells already, but for NaN: its last cell counts the missing."""
    return np.where(np.isnan(predicted), classes.missing, predicted).astype(np.int64)


def _unseen_by_group(columns: Columns, groups: Groups) -> Iterator[tuple[int, int, list[str]]]:
    """Yield (index of the group, feature, categories outside its vocabulary)."""
    if not columns.unseen:
        return
    group_of_row = np.full(len(columns), -1, dtype=np.int64)
    group_of_row[groups.rows] = groups.of_row
    for feature, rows, categories in columns.unseen:
        met: dict[int, list[str]] = {}
        for owner, category in zip(group_of_row[rows].tolist(), categories, strict=True):
            if owner >= 0:
                met.setdefault(owner, []).append(category)
        yield from ((owner, feature, some) for owner, some in met.items())


def _accumulate_sample(columns: Columns, part_at: PartAt, panes: PaneScheme) -> None:
    kinds, _ = columns.by_kind()
    for groups in groups_of(columns, panes):
        parts = _parts(SamplePart, "sample", kinds, groups, part_at, panes)
        for part, (begin, end) in zip(parts, groups.spans(), strict=True):
            rows = groups.rows[begin:end]
            part.update(
                columns.hashes[rows],
                columns.score[rows],
                {name: values[rows] for name, values in columns.loose_numeric.items()},
                {name: _take(values, rows) for name, values in columns.loose_text.items()},
            )


def accumulate_service(columns: Columns, part_at: PartAt, panes: PaneScheme) -> None:
    """Add rows to the service parts of their segments and panes."""
    kinds, _ = columns.by_kind()
    for groups in groups_of(columns, panes):
        if len(groups):
            parts = _parts(ServicePart, "service", kinds, groups, part_at, panes)
            add_to_service(parts, groups, columns.latency_ms, columns.error)


def accumulate_outcomes(outcomes: OutcomeRows, part_at: PartAt, panes: PaneScheme) -> None:
    """Add outcomes to the parts of their prediction's segments and pane, by rung of the label's age."""
    kinds, _ = outcomes.by_kind()
    for groups in outcome_groups_of(outcomes, panes):
        if len(groups):
            parts = _parts(OutcomePart, "outcome", kinds, groups, part_at, panes)
            add_to_outcomes(parts, groups, outcomes.score, outcomes.label, outcomes.sign)


def _parts(
    held: type[Held], name: PartName, kinds: Kinds, groups: Groups, part_at: PartAt, panes: PaneScheme
) -> list[Held]:
    """Return the part of each group."""
    ends = {start_ms: panes.end(start_ms) for start_ms in np.unique(groups.start_ms).tolist()}
    parts: list[Held] = []
    columns = (groups.kind, groups.start_ms, groups.on_time, groups.age_ms)
    for segment, kind, start_ms, on_time, age_ms in zip(groups.segment, *(c.tolist() for c in columns), strict=True):
        compiled, version = kinds[kind]
        key = PartKey(
            compiled.model, version, segment, name, start_ms, ends[start_ms], on_time, age_ms, compiled.layouts[name]
        )
        part = part_at(compiled, key)
        if not isinstance(part, held):
            raise TypeError(f"the key of an {name} part holds {type(part).__name__}")
        parts.append(part)
    return parts


def _take(values: Sequence[T], rows: Int64Array) -> list[T]:
    return [values[row] for row in rows.tolist()]
