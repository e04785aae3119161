"""Rows that name more features than a sample keeps: cut, so that a column for each name stays affordable.

Of rows whose names never repeat, columns would be as many as names, each as long as all rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.parts.columns import Coded
from stream.parts.sample import MAX_SAMPLED_FEATURES, sampled_names
from stream.profiler.column_fields import ColumnFields
from stream.profiler.fields import Int64, PredictionFields
from stream.profiler.intake import Judged

MAX_COLUMNS = 2 * MAX_SAMPLED_FEATURES
"""A sample keeps so many names: numeric ones, and as many of texts."""

Features = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a batch; `fields` where they are not the batch's own."""

    rows: Int64
    segments: dict[str, Coded]
    fields: PredictionFields | None = None


def pieces(
    compiled: CompiledModel,
    judged: Judged[PredictionFields] | Judged[ColumnFields],
    rows: Int64,
    segments: dict[str, Coded],
) -> Iterator[Piece]:
    """Cut rows of one model and version; in one piece where their columns are few, as all declared ones are.

    Otherwise a piece is what shares pane, punctuality and all segments, with the names that a sample of it keeps. Every
    part is made of whole pieces, and what it keeps of their names it would keep of all: so it is the same as without.
    """
    fields = judged.fields
    if isinstance(fields, ColumnFields) or fields.typed or compiled.definition.features or not compiled.learning:
        yield Piece(rows, segments)
        return
    features = [fields.features[row] for row in rows.tolist()]
    if len(set().union(*features)) <= MAX_COLUMNS:
        yield Piece(rows, segments)
        return
    starts_ms = compiled.panes.inputs.starts(judged.timestamps_ms[rows])
    shared = [
        starts_ms,
        judged.on_time[rows],
        *(segments[name].codes for name in compiled.segments if name in segments),
    ]
    for some in _alike(np.column_stack(shared)):
        taken = fields.take(rows[some])
        narrowed = replace(taken, features=_narrowed(taken.features))
        yield Piece(rows[some], {name: coded.take(some) for name, coded in segments.items()}, narrowed)


def _alike(keys: NDArray[np.int64]) -> Iterator[Int64]:
    """Yield the indices of the rows of each distinct key."""
    _, number = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(number.reshape(-1), kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(number.reshape(-1)[order])) + 1)


def _narrowed(features: Sequence[Features]) -> list[Features]:
    """Leave out what a sample of these rows does not keep."""
    numeric = {name for row in features for name, value in row.items() if _is_number(value)}
    text = {name for row in features for name, value in row.items() if isinstance(value, str | bool)}
    kept = {*sampled_names(numeric), *sampled_names(text)}
    return [{name: value for name, value in row.items() if name in kept} for row in features]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN
