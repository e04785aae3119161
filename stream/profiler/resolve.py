"""Join records back to their models: which revision and version each prediction is counted under."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.profiler.names import Names
from stream.profiler.revisions import by_revision
from stream.profiler.runs import Int64, Records


class Group(NamedTuple):
    """Rows (indices) of one revision and version."""

    compiled: CompiledModel
    version: str
    rows: Int64


def resolve(predictions: Records, names: Names, catalog: Catalog) -> Iterator[Group]:
    """Group prediction records by revision and version. O(n log n), and one step a distinct (model, version)."""
    contexts, which = np.unique(predictions["context"], return_inverse=True)
    members: dict[tuple[str, str], list[int]] = {}
    for index, context in enumerate(contexts.tolist()):
        model, version, _ = names.resolve(context)
        members.setdefault((model, version), []).append(index)
    for (model, version), indices in members.items():
        rows = np.flatnonzero(np.isin(which.reshape(-1), indices)) if len(members) > 1 else np.arange(len(predictions))
        for compiled, some in by_revision(catalog, model, predictions["ts_ms"][rows]):
            yield Group(compiled, version, rows[some])
