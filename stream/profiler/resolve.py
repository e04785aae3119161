"""Join records back to their models: which revision and version each prediction is counted under."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    """Group prediction records by revision and version. O(n), and one step a distinct context."""
    contexts = predictions["context"]
    met = distinct_codes(contexts)
    members: dict[tuple[str, str], list[int]] = {}
    for context in met.tolist():
        model, version, _ = names.resolve(context)
        members.setdefault((model, version), []).append(context)
    for (model, version), some in members.items():
        rows = np.flatnonzero(np.isin(contexts, some)) if len(members) > 1 else np.arange(len(contexts))
        for compiled, places in by_revision(catalog, model, predictions["ts_ms"][rows]):
            yield Group(compiled, version, rows[places])


def distinct_codes(codes: NDArray[np.unsignedinteger[Any]]) -> Int64:
    """Distinct values of small unsigned integers, ascending; by counting where that is cheaper than sorting."""
    if not codes.size:
        return np.zeros(0, dtype=np.int64)
    if int(codes.max()) > 8 * codes.size + 1_024:
        return np.unique(codes).astype(np.int64)
    return np.flatnonzero(np.bincount(codes))
