"""Which revision of a model each row is counted under: the one in force at the row's event time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel

Int64 = NDArray[np.int64]


def by_revision(catalog: Catalog, model: str, timestamps_ms: Int64) -> Iterator[tuple[CompiledModel, Int64]]:
    """Yield (revision, indices of its rows) for every revision that holds for some of the rows. O(n log revisions)."""
    revisions = catalog.revisions(model)
    if len(revisions) < 2:
        if len(timestamps_ms):
            yield catalog.compiled_for(model, int(timestamps_ms[0])), np.arange(len(timestamps_ms))
        return
    starts = np.array([revision.effective_from_ms for revision in revisions], dtype=np.int64)
    which = np.maximum(np.searchsorted(starts, timestamps_ms, side="right") - 1, 0)
    for index in np.unique(which).tolist():
        yield revisions[index], np.flatnonzero(which == index)
