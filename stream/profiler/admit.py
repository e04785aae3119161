"""Rows get the names they are kept under, and are grouped by revision and version; all in the order of their log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.parts.columns import Coded
from stream.parts.keys import segment_label
from stream.profiler.column_fields import ColumnFields
from stream.profiler.fields import Int64, PredictionFields, take
from stream.profiler.names import Names
from stream.profiler.revisions import by_revision

Contexts = NDArray[np.uint32]
Values = Coded | Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Rows of one revision and version: indices into the batch, and their segment values."""

    compiled: CompiledModel
    version: str
    rows: Int64
    segments: dict[str, Coded]


def admit(
    fields: PredictionFields, timestamps_ms: Int64, names: Names, catalog: Catalog
) -> tuple[list[Admitted], Contexts]:
    """Group rows by (revision, version); also returns the context id of each row. O(rows x segments)."""
    kept: dict[str, list[Int64]] = {}
    for model, indices in by_value(fields.models).items():
        kept.setdefault(names.model(model, catalog.declared), []).append(indices)
    groups: list[Admitted] = []
    for model, parts in kept.items():
        rows = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
        groups.extend(_of_model(model, rows, fields, timestamps_ms, names, catalog))
    return groups, _contexts(groups, len(fields.ids), names)


def admit_columns(
    fields: ColumnFields, timestamps_ms: Int64, names: Names, catalog: Catalog
) -> tuple[list[Admitted], Contexts]:
    """Do the same for rows of one model and version: they are grouped by revision alone."""
    model = names.model(fields.model, catalog.declared)
    version = names.version(model, fields.version)
    revisions = list(by_revision(catalog, model, timestamps_ms))
    absent = Coded((), np.full(len(fields.ids), -1, dtype=np.int64))
    coded = _coded(model, revisions, lambda name: fields.segments.get(name, absent), names)
    groups = []
    for compiled, rows in revisions:
        every = len(revisions) == 1
        segments = {name: coded[name] if every else coded[name].take(rows) for name in compiled.segments}
        groups.append(Admitted(compiled, version, rows, segments))
    return groups, _contexts(groups, len(fields.ids), names)


def by_value(values: Sequence[str]) -> dict[str, Int64]:
    """Group indices by value, in the order of their first appearance."""
    distinct = dict.fromkeys(values)
    if len(distinct) == 1:
        return {values[0]: np.arange(len(values))}
    codes = {value: code for code, value in enumerate(distinct)}
    code_of_row = np.fromiter(map(codes.__getitem__, values), np.int64, len(values))
    order = np.argsort(code_of_row, kind="stable")
    ends = np.cumsum(np.bincount(code_of_row, minlength=len(codes)))
    return dict(zip(distinct, np.split(order, ends[:-1]), strict=True))


def _of_model(
    model: str, rows: Int64, fields: PredictionFields, timestamps_ms: Int64, names: Names, catalog: Catalog
) -> list[Admitted]:
    some = rows.tolist() if len(rows) < len(fields.ids) else None
    versions = fields.versions if some is None else take(fields.versions, some)
    segments = fields.segments if some is None else take(fields.segments, some)
    given = {version: names.version(model, version) for version in dict.fromkeys(versions)}
    kept = versions if all(v == k for v, k in given.items()) else [given[version] for version in versions]
    revisions = list(by_revision(catalog, model, timestamps_ms[rows]))
    coded = _coded(model, revisions, lambda name: column_of(segments, name), names)
    groups = []
    for compiled, places in revisions:
        for version, members in by_value(take(kept, places.tolist()) if len(revisions) > 1 else kept).items():
            positions = places[members]
            columns = {name: coded[name].take(positions) for name in compiled.segments}
            groups.append(Admitted(compiled, version, rows[positions], columns))
    return groups


def _coded(
    model: str, revisions: Sequence[tuple[CompiledModel, Int64]], column: Callable[[str], Values], names: Names
) -> dict[str, Coded]:
    """Return the kept values of every attribute that a revision has; a row's value counts if its own revision has it.

    Else what is admitted would depend on which rows came in one batch.
    """
    coded = {}
    for name in dict.fromkeys(name for compiled, _ in revisions for name in compiled.segments):
        values = column(name)
        without = [rows for compiled, rows in revisions if name not in compiled.segments]
        if without:
            given = values if isinstance(values, Coded) else Coded.of(values)
            codes = given.codes.copy()
            codes[np.concatenate(without)] = -1
            values = Coded(given.names, codes)
        coded[name] = names.segment_values(model, name, values)
    return coded


def column_of(segments: Sequence[Mapping[str, str]], name: str) -> Sequence[str | None]:
    """Return one segmenting attribute of each row; None where a row has none."""
    try:
        return list(map(itemgetter(name), segments))
    except KeyError:
        return [segment.get(name) for segment in segments]


def _contexts(groups: Sequence[Admitted], count: int, names: Names) -> Contexts:
    """Context of each row. Ids are given in the order of the rows, so that a limit cuts at the same one everywhere."""
    met: list[tuple[int, int, int]] = []  # first row, group, number of the combination in it
    combinations = [_combinations(group) for group in groups]
    for index, (first, _) in enumerate(combinations):
        met.extend((int(groups[index].rows[row]), index, number) for number, row in enumerate(first.tolist()))
    ids = [np.zeros(len(first), dtype=np.uint32) for first, _ in combinations]
    for _, index, number in sorted(met):
        group = groups[index]
        row = int(combinations[index][0][number])
        ids[index][number] = names.context(group.compiled.model, group.version, _labels(group, row))
    contexts = np.zeros(count, dtype=np.uint32)
    for group, of_group, (_, which) in zip(groups, ids, combinations, strict=True):
        contexts[group.rows] = of_group[which]
    return contexts


def _combinations(group: Admitted) -> tuple[Int64, Int64]:
    """First row of each distinct combination of segment values, and which of them each row has."""
    flat = np.zeros(len(group.rows), dtype=np.int64)
    for coded in group.segments.values():
        flat = flat * (len(coded.names) + 1) + coded.codes + 1
        if flat.size and int(flat.max()) > 1 << 40:  # many segments of many values: keep the numbers small
            flat = np.unique(flat, return_inverse=True)[1].reshape(-1)
    _, first, which = np.unique(flat, return_index=True, return_inverse=True)
    return first, which.reshape(-1)


def _labels(group: Admitted, row: int) -> tuple[str, ...]:
    """Segments ("name=value") that one row belongs to."""
    codes = ((name, coded, int(coded.codes[row])) for name, coded in group.segments.items())
    return tuple(segment_label(name, coded.names[code]) for name, coded, code in codes if code >= 0)
