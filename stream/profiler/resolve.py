"""Join records back to their models: which revision and version each prediction is counted under."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import Catalog
from stream.model.compiled import ALWAYS_MS, CompiledModel
from stream.parts.growing import Growing
from stream.parts.kinds import Kinds
from stream.profiler.names import Names
from stream.profiler.revisions import by_revision
from stream.profiler.runs import Int64, Records

_UNMET: Final = -1


class Resolver:
    """Kinds of join records under one catalog: one look-up a record, by its context.

    Parameters
    ----------
    names
        The shard's contexts; more may be added.
    kinds
        Numbers what records are counted under.

    Notes
    -----
    Records from before a model's last revision are looked at context by context. Memory: 16 bytes a context.
    """

    def __init__(self, names: Names, kinds: Kinds, catalog: Catalog) -> None:
        self.names, self.kinds = names, kinds
        self._catalog = catalog
        self._known = Growing(_UNMET)
        self._from_ms = Growing(ALWAYS_MS)
        self._horizon_ms = Growing(0)

    def kinds_of(self, predictions: Records) -> Int64:
        """Return the number of each prediction's kind. O(n), and one step a context that was not met before."""
        contexts = predictions["context"].astype(np.int64)
        if not contexts.size:
            return contexts
        self._meet(contexts)
        kinds = self._known.values[contexts]
        older = np.flatnonzero(predictions["ts_ms"] < self._from_ms.values[contexts])
        for context in np.unique(contexts[older]).tolist():
            model, version, _ = self.names.resolve(context)
            rows = older[contexts[older] == context]
            for compiled, places in by_revision(self._catalog, model, predictions["ts_ms"][rows]):
                kinds[rows[places]] = self.kinds.number(compiled, version)
        return kinds

    def horizons_ms(self, kinds: Int64) -> Int64:
        """Return the label horizon of each kind."""
        for number in range(len(self._horizon_ms), len(self.kinds)):
            self._horizon_ms.append(self.kinds[number].compiled.label_horizon_ms)
        return self._horizon_ms.values[kinds]

    def by_shape(self, kinds: Int64) -> Iterator[tuple[CompiledModel, Int64]]:
        """Yield the rows of each shape, with one of the models that have it."""
        if not kinds.size:
            return
        shapes = self.kinds.shapes(kinds)
        if (shapes == shapes[0]).all():
            yield self.kinds[int(kinds[0])].compiled, np.arange(len(kinds))
            return
        for shape in np.unique(shapes).tolist():
            rows = np.flatnonzero(shapes == shape)
            yield self.kinds[int(kinds[rows[0]])].compiled, rows

    def _meet(self, contexts: Int64) -> None:
        """Work out what contexts stand for that were not met before."""
        top = int(contexts.max()) + 1
        self._known.reach(top)
        self._from_ms.reach(top)
        for context in np.unique(contexts[self._known.values[contexts] == _UNMET]).tolist():
            model, version, _ = self.names.resolve(context)
            revisions = self._catalog.revisions(model)
            compiled = revisions[-1] if revisions else self._catalog.compiled_for(model, 0)
            self._known.values[context] = self.kinds.number(compiled, version)
            self._from_ms.values[context] = compiled.effective_from_ms if len(revisions) > 1 else ALWAYS_MS


def distinct_codes(codes: NDArray[np.unsignedinteger[Any]]) -> Int64:
    """Distinct values of small unsigned integers, ascending; by counting where that is cheaper than sorting."""
    if not codes.size:
        return np.zeros(0, dtype=np.int64)
    if int(codes.max()) > 8 * codes.size + 1_024:
        return np.unique(codes).astype(np.int64)
    return np.flatnonzero(np.bincount(codes))
