"""Models counted as samples: when their grids are due, so that a shard that is there first can wait for them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.model.learning import learnt_from_ms, sample_end_ms

LEAST_ROWS = 25
"""Rows a shard must have sampled before it waits: for a model with less, or with one timestamp from 1970, the monitor
has too little for an answer, and a wait would hold up every other model."""

_FOREVER_MS = 1 << 62
_PREFIX = b"l|"


class Sampled(msgspec.Struct, array_like=True):
    """One learning revision in this shard: since when rows came and how many, when its sample ends, grids are due."""

    revision: str
    first_ms: int
    rows: int = 0
    end_ms: int = _FOREVER_MS
    due_ms: int = _FOREVER_MS


class Learning:
    """What a shard has sampled, by model.

    Parameters
    ----------
    limit
        Models that are remembered, at most; the others are not waited for.

    Notes
    -----
    Each row is judged by the rows before it: the answer depends on the order of the log alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sampled: dict[str, Sampled] = {}
        self._dirty: set[str] = set()
        self._catalog: Catalog | None = None
        self._settled: frozenset[str] = frozenset()

    def among(self, models: Iterable[str], catalog: Catalog) -> frozenset[str]:
        """Return those of some models that have, or had, no grids."""
        if catalog is not self._catalog:
            self._catalog = catalog
            self._settled = frozenset(model for model in catalog.declared if not _learns(catalog, model))
        return frozenset(set(models) - self._settled)

    def first_waiting(
        self, models: Sequence[str], timestamps_ms: Sequence[int], catalog: Catalog, impatient: Collection[str]
    ) -> int | None:
        """Return the index of the first row that must wait for its model's grids; the rows before it are noted.

        Parameters
        ----------
        impatient
            Models that are waited for no longer.
        """
        learning = self.among(models, catalog)
        for index, (model, timestamp_ms) in enumerate(zip(models, timestamps_ms, strict=True)):
            if model in learning and self._waits(model, timestamp_ms, catalog, impatient):
                return index
        return None

    def due_ms(self, model: str) -> int:
        """Return the instant from which a model's grids are due; raises KeyError for one without a row."""
        return self._sampled[model].due_ms

    def asked(self, watermark_ms: int) -> Iterator[str]:
        """Yield the models whose sample is complete in this shard, and whose grids it may wait for."""
        return (m for m, sampled in self._sampled.items() if sampled.end_ms <= watermark_ms < sampled.due_ms)

    def take_changes(self) -> dict[bytes, bytes]:
        """Return the fields of the state that changed since the last call."""
        changed, self._dirty = self._dirty, set()
        return {_PREFIX + model.encode(): msgspec.msgpack.encode(self._sampled[model]) for model in sorted(changed)}

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in stored fields; others are left alone."""
        for field, value in fields.items():
            if field.startswith(_PREFIX):
                model = field.removeprefix(_PREFIX).decode()
                self._sampled[model] = msgspec.msgpack.decode(value, type=Sampled)

    def _waits(self, model: str, timestamp_ms: int, catalog: Catalog, impatient: Collection[str]) -> bool:
        compiled = catalog.compiled_for(model, timestamp_ms)
        if not compiled.learning:
            return False
        sampled = self._sampled.get(model)
        if sampled is None and len(self._sampled) >= self._limit:
            return False
        if sampled is None or sampled.revision != compiled.revision:
            sampled = self._sampled[model] = Sampled(compiled.revision, _FOREVER_MS)
        if timestamp_ms >= sampled.due_ms and sampled.rows >= LEAST_ROWS and model not in impatient:
            return True
        self._note(model, sampled, compiled, timestamp_ms)
        return False

    def _note(self, model: str, sampled: Sampled, compiled: CompiledModel, timestamp_ms: int) -> None:
        first_ms = max(compiled.panes.service.start(timestamp_ms), compiled.effective_from_ms)
        beyond = timestamp_ms >= sampled.due_ms
        if first_ms >= sampled.first_ms and not beyond and sampled.rows >= LEAST_ROWS:
            return
        self._dirty.add(model)
        sampled.rows = min(sampled.rows + 1, LEAST_ROWS)
        if beyond:  # nothing to wait for any more: a pane that should have had grids is touched
            sampled.due_ms = _FOREVER_MS
        elif first_ms < sampled.first_ms:
            sampled.first_ms, sampled.end_ms = first_ms, sample_end_ms(compiled, first_ms)
            sampled.due_ms = learnt_from_ms(compiled, sampled.end_ms)


def _learns(catalog: Catalog, model: str) -> bool:
    revisions = catalog.revisions(model)
    return not revisions or any(compiled.learning for compiled in revisions)
