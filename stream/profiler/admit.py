"""Rows get the names they are kept under, and are grouped by revision and version; all in the order of their log."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.profiler.names import Names, segment_labels
from stream.profiler.revisions import by_revision
from tidegauge.events import Prediction

Values = dict[str, list[str | None]]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Rows of one revision and version: indices into the batch, and their segment values."""

    compiled: CompiledModel
    version: str
    rows: list[int]
    segments: Values


def admit(
    rows: Sequence[Prediction], timestamps_ms: NDArray[np.int64], names: Names, catalog: Catalog
) -> tuple[list[Admitted], NDArray[np.uint32]]:
    """Group rows by (revision, version); also returns the context id of each row. O(rows x segments)."""
    declared = frozenset(catalog.models)
    kept: dict[str, list[int]] = {}
    for model, indices in by_value([row.model for row in rows]).items():
        kept.setdefault(names.model(model, declared), []).extend(indices)
    groups: list[Admitted] = []
    for model, indices in kept.items():
        groups.extend(_of_model(model, sorted(indices), rows, timestamps_ms, names, catalog))
    return groups, _contexts(groups, len(rows), names)


def by_value(values: Sequence[str]) -> dict[str, list[int]]:
    """Group indices by value, in the order of their first appearance."""
    if len(set(values)) == 1:
        return {values[0]: list(range(len(values)))}
    groups: dict[str, list[int]] = {}
    for index, value in enumerate(values):
        groups.setdefault(value, []).append(index)
    return groups


def _of_model(
    model: str,
    indices: list[int],
    rows: Sequence[Prediction],
    timestamps_ms: NDArray[np.int64],
    names: Names,
    catalog: Catalog,
) -> list[Admitted]:
    versions = [rows[i].version for i in indices]
    given = {version: names.version(model, version) for version in dict.fromkeys(versions)}
    revisions = list(by_revision(catalog, model, timestamps_ms[indices]))
    segments = dict.fromkeys(name for compiled, _ in revisions for name in compiled.segments)
    values = {
        name: names.segment_values(model, name, [rows[i].segments.get(name) for i in indices]) for name in segments
    }
    groups = []
    for compiled, some in revisions:
        places = some.tolist()
        for version, members in by_value([given[versions[p]] for p in places]).items():
            positions = [places[m] for m in members]
            columns = {name: [values[name][p] for p in positions] for name in compiled.segments}
            groups.append(Admitted(compiled, version, [indices[p] for p in positions], columns))
    return groups


def _contexts(groups: list[Admitted], count: int, names: Names) -> NDArray[np.uint32]:
    """Context of each row. Ids are given in the order of the rows, so that a limit cuts at the same one everywhere."""
    contexts = np.zeros(count, dtype=np.uint32)
    keys: list[tuple[int, str, str, tuple[str, ...]]] = []
    for group in groups:
        model, version, attributes = group.compiled.model, group.version, list(group.segments)
        if not attributes:  # no limit applies
            contexts[group.rows] = names.context(model, version, ())
            continue
        for row, values in zip(group.rows, zip(*group.segments.values(), strict=True), strict=True):
            keys.append((row, model, version, segment_labels(attributes, values)))
    for row, model, version, labels in sorted(keys) if len(groups) > 1 else keys:
        contexts[row] = names.context(model, version, labels)
    return contexts
