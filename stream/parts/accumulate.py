"""Adding columns of rows to parts: the one way in, for live events and for reference files."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.cell_layout import CellLayout
from detectors.errors import LayoutError
from detectors.grid import Grid
from detectors.vocabulary import Vocabulary
from stream.model.compiled import SCORE, CompiledModel, PartName
from stream.parts.columns import Columns, OutcomeRows
from stream.parts.grouping import Group, counts_by_group, groups_of, refine
from stream.parts.inputs import InputsPart
from stream.parts.keys import ALL_ROWS, PartKey
from stream.parts.outcome import OutcomePart
from stream.parts.part import AnyPart
from stream.parts.sample import SamplePart
from stream.parts.service import ServicePart
from stream.timeline.panes import Int64Array, PaneScheme

T = TypeVar("T")

PartAt = Callable[[CompiledModel, PartKey], AnyPart]
"""Gives the part of a key, a new one if need be, and remembers that it changes."""


def accumulate_inputs(columns: Columns, part_at: PartAt, panes: PaneScheme) -> None:
    """Add rows to the inputs parts (sample parts while the model is learning) of their segments and panes.

    About 50 ns a row and numeric feature, and some 100 us a group, however few rows are in it.
    """
    if columns.compiled.learning:
        _accumulate_sample(columns, part_at, panes)
        return
    cells = flat_cells(columns)
    total = layout_of(columns.compiled).total
    values = np.column_stack([columns.numeric, columns.score])
    for groups in groups_of(columns, panes):
        unseen = _unseen_by_group(columns, groups)
        for index, counts in enumerate(counts_by_group(cells, total, groups)):
            group = groups[index]
            part = part_at(columns.compiled, _key(columns, "inputs", group, panes))
            if not isinstance(part, InputsPart):
                raise TypeError(f"the key of an inputs part holds {type(part).__name__}")
            part.update(counts, values[group.rows], columns.hashes[group.rows], columns.ids, group.rows)
            for feature, categories in unseen.get(index, ()):
                part.update_unseen(feature, categories)


def flat_cells(columns: Columns) -> NDArray[np.int64]:
    """Return int64[n, subjects]: the flat cell of each row in each subject, in the order of the cell layout."""
    compiled = columns.compiled
    cells = np.empty((len(columns), len(compiled.subjects)), dtype=np.int64)
    numeric = len(compiled.numeric)
    offsets = layout_of(compiled).offsets
    cells[:, :numeric] = compiled.finder.cells(columns.numeric)
    for index, codes in enumerate(columns.categorical, start=numeric):
        np.add(codes, offsets[index], out=cells[:, index])
    cells[:, -1] = _score_cells(columns) + offsets[-1]
    return cells


def layout_of(compiled: CompiledModel) -> CellLayout:
    """Return the cell layout of a model that has grids; raises LayoutError while it is learning."""
    if compiled.cell_layout is None:
        raise LayoutError(f"{compiled.model} has no grids yet")
    return compiled.cell_layout


def _score_cells(columns: Columns) -> Int64Array:
    grid = columns.compiled.grids[SCORE]
    if isinstance(grid, Grid):
        return grid.cells(columns.score)
    return _class_cells(grid, columns.predicted)


def _class_cells(classes: Vocabulary, predicted: NDArray[np.float64]) -> Int64Array:
    """Class codes are the vocabulary's cells already, but for NaN: its last cell counts the missing."""
    return np.where(np.isnan(predicted), classes.missing, predicted).astype(np.int64)


def _unseen_by_group(columns: Columns, groups: Sequence[Group]) -> dict[int, list[tuple[int, list[str]]]]:
    """By index of the group: (feature, categories outside its vocabulary)."""
    found: dict[int, list[tuple[int, list[str]]]] = {}
    if not columns.unseen:
        return found
    group_of_row = np.full(len(columns), -1, dtype=np.int64)
    for index, group in enumerate(groups):
        group_of_row[group.rows] = index
    for feature, rows, categories in columns.unseen:
        owners = group_of_row[rows]
        for index in np.unique(owners[owners >= 0]).tolist():
            found.setdefault(index, []).append((feature, _take(categories, np.flatnonzero(owners == index))))
    return found


def _accumulate_sample(columns: Columns, part_at: PartAt, panes: PaneScheme) -> None:
    for groups in groups_of(columns, panes):
        for group in groups:
            part = part_at(columns.compiled, _key(columns, "sample", group, panes))
            if not isinstance(part, SamplePart):
                raise TypeError(f"the key of a sample part holds {type(part).__name__}")
            rows = group.rows
            part.update(
                columns.hashes[rows],
                _take(columns.ids, rows),
                columns.score[rows],
                {name: values[rows] for name, values in columns.loose_numeric.items()},
                {name: _take(values, rows) for name, values in columns.loose_text.items()},
            )


def accumulate_service(columns: Columns, part_at: PartAt, panes: PaneScheme) -> None:
    """Add rows to the service parts of their segments and panes."""
    for groups in groups_of(columns, panes):
        for group in groups:
            part = part_at(columns.compiled, _key(columns, "service", group, panes))
            if not isinstance(part, ServicePart):
                raise TypeError(f"the key of a service part holds {type(part).__name__}")
            part.update(columns.latency_ms[group.rows], columns.error[group.rows])


def accumulate_outcomes(outcomes: OutcomeRows, part_at: PartAt, panes: PaneScheme) -> None:
    """Add outcomes to the parts of their prediction's segments and pane, by rung of the label's age."""
    count = len(outcomes)
    context = np.zeros(count, dtype=np.int64) if outcomes.context is None else outcomes.context
    starts_ms = panes.starts(outcomes.predicted_ms)
    slot_of_row = np.zeros(count, dtype=np.int64)
    for column in (context, outcomes.rung_ms, starts_ms, outcomes.on_time.astype(np.int64)):
        slot_of_row = refine(slot_of_row, column)
    order = np.argsort(slot_of_row, kind="stable")
    bounds = np.cumsum(np.bincount(slot_of_row))
    for rows in np.split(order, bounds[:-1]):
        row = int(rows[0])
        slot = (int(context[row]), int(outcomes.rung_ms[row]), int(starts_ms[row]), bool(outcomes.on_time[row]))
        _add_outcomes(outcomes, slot, rows, part_at, panes)


def _add_outcomes(
    outcomes: OutcomeRows, slot: tuple[int, int, int, bool], rows: Int64Array, part_at: PartAt, panes: PaneScheme
) -> None:
    context, rung_ms, start_ms, on_time = slot
    compiled = outcomes.compiled
    layout = compiled.layouts["outcome"]
    for segment in (ALL_ROWS, *outcomes.contexts[context]):
        end_ms = panes.end(start_ms)
        key = PartKey(compiled.model, outcomes.version, segment, "outcome", start_ms, end_ms, on_time, rung_ms, layout)
        part = part_at(compiled, key)
        if not isinstance(part, OutcomePart):
            raise TypeError(f"the key of an outcome part holds {type(part).__name__}")
        part.update(outcomes.score[rows], outcomes.label[rows], outcomes.sign[rows])


def _key(columns: Columns, part: PartName, group: Group, panes: PaneScheme) -> PartKey:
    start_ms = group.pane_start_ms
    compiled = columns.compiled
    return PartKey(
        model=compiled.model,
        version=columns.version,
        segment=group.segment,
        part=part,
        pane_start_ms=start_ms,
        pane_end_ms=panes.end(start_ms),
        on_time=group.on_time,
        age_ms=0,
        layout=compiled.layouts[part],
    )


def _take(values: Sequence[T], rows: Int64Array) -> list[T]:
    return [values[row] for row in rows.tolist()]
