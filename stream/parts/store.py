"""The parts in memory, and which of them changed since they were last written."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from stream.model.compiled import CompiledModel, PaneSchemes
from stream.parts.accumulate import accumulate_inputs, accumulate_outcomes, accumulate_service
from stream.parts.closing import FirstClose
from stream.parts.columns import Columns, OutcomeRows
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part, new_part
from stream.parts.pending import Pending


class PartStore:
    """Parts by key, with dirty tracking. Not thread-safe; memory is the caller's to bound with `drop`.

    Rows of kinds wait until there are enough of them (10 MB at most); whoever looks at the parts finds them counted.
    A frozen part is held as its body, a tenth of the memory: one that closed, and only waits to leave. It can still be
    counted into.

    Examples
    --------
    A profiler adds batches, writes what changed, and forgets what closed::

        store.add_inputs(columns)
        for key in store.take_dirty():
            write(key, store.snapshot(key))
    """

    def __init__(self) -> None:
        self._parts: dict[PartKey, AnyPart] = {}
        self._frozen: dict[PartKey, bytes] = {}
        self._bodies: dict[PartKey, bytes] = {}
        """Of parts that have not changed since."""
        # A dict keeps the order in which parts were first touched: a run repeats itself exactly.
        self._dirty: dict[PartKey, None] = {}
        self._pending = Pending()
        self._first = FirstClose()

    @property
    def parts(self) -> Mapping[PartKey, AnyPart]:
        """Every part held, by key; read-only."""
        return MappingProxyType({key: self[key] for key in self})

    def __len__(self) -> int:
        """Return the number of parts held."""
        self.count_pending()
        return self.held

    def __iter__(self) -> Iterator[PartKey]:
        """Iterate over the keys: frozen parts, then the others, each oldest first."""
        self.count_pending()
        return iter([*self._frozen, *self._parts])

    def __contains__(self, key: object) -> bool:
        """Return whether the part of a key is held."""
        self.count_pending()
        return key in self._parts or key in self._frozen

    def __getitem__(self, key: PartKey) -> AnyPart:
        """Return the part of a key, for reading; raises KeyError."""
        self.count_pending()
        body = self._frozen.get(key)
        return self._parts[key] if body is None else load_part(key.part, body)

    @property
    def held(self) -> int:
        """Parts held by now, those of waiting rows left out."""
        return len(self._parts) + len(self._frozen)

    def add_inputs(self, columns: Columns, panes: PaneSchemes | None = None) -> None:
        """Add rows to inputs (or sample) and service parts; `panes` default to the model's live ones."""
        if len(columns) == 0:
            return
        if columns.kinds is not None and columns.kind is not None and panes is None:
            self._pending.add_columns(columns, columns.kinds, columns.kinds.shape(int(columns.kind[0])))
            self._count_if_full()
            return
        self._count_predictions(columns, panes or columns.compiled.panes)

    def add_outcomes(self, outcomes: OutcomeRows, panes: PaneSchemes | None = None) -> None:
        """Add outcomes to outcome parts; `panes` default to the model's live ones."""
        if len(outcomes) == 0:
            return
        if outcomes.kinds is not None and outcomes.kind is not None and panes is None:
            self._pending.add_outcomes(outcomes, outcomes.kinds, outcomes.kinds.shape(int(outcomes.kind[0])))
            self._count_if_full()
            return
        panes = panes or outcomes.compiled.panes
        accumulate_outcomes(outcomes, self._touch, panes.outcome)

    def count_pending(self) -> None:
        """Count the rows that wait."""
        if not len(self._pending):
            return
        columns, outcomes = self._pending.take()
        for rows in columns:
            self._count_predictions(rows, rows.compiled.panes)
        for changes in outcomes:
            accumulate_outcomes(changes, self._touch, changes.compiled.panes.outcome)

    def closing(self, predictions_ms: int, labels_ms: int) -> bool:
        """Whether a part that changed, or that rows wait for, may have closed by these watermarks. O(1)."""
        return self._first.reached(predictions_ms, labels_ms) or self._pending.closing(predictions_ms, labels_ms)

    def snapshot(self, key: PartKey) -> bytes:
        """Return the body of a part; raises KeyError."""
        self.count_pending()
        body = self._frozen.get(key) or self._bodies.get(key)
        if body is None:
            body = self._bodies[key] = self._parts[key].snapshot()
        return body

    def freeze(self, keys: Iterable[PartKey]) -> None:
        """Hold parts as their bodies from now on; keys that are not held are skipped."""
        for key in keys:
            if key in self._parts:
                self._frozen[key] = self.snapshot(key)
                self._forget(key)

    def load(self, key: PartKey, body: bytes) -> None:
        """Put a stored part back, clean; raises detectors.errors.SnapshotError for bad bytes."""
        self.count_pending()
        load_part(key.part, body)  # damage is found now, not when the part is next counted into
        self._forget(key)
        self._frozen[key] = body
        self._dirty.pop(key, None)

    def dirty(self) -> tuple[PartKey, ...]:
        """Return the keys of the parts that changed since they were last taken, in order of first change."""
        self.count_pending()
        return tuple(self._dirty)

    def take_dirty(self) -> tuple[PartKey, ...]:
        """Return `dirty()` and call those parts clean: the caller now answers for writing them."""
        keys = self.dirty()
        self._dirty.clear()
        self._first = FirstClose()
        return keys

    def mark_dirty(self, keys: Iterable[PartKey]) -> None:
        """Call parts changed (again): what was taken could not be written. Parts no longer held are skipped."""
        for key in keys:
            if key in self._parts or key in self._frozen:
                self._mark(key)

    def drop(self, keys: Iterable[PartKey]) -> None:
        """Forget parts; keys that are not held are skipped."""
        self.count_pending()
        for key in keys:
            self._forget(key)
            self._frozen.pop(key, None)
            self._dirty.pop(key, None)

    def _forget(self, key: PartKey) -> None:
        self._parts.pop(key, None)
        self._bodies.pop(key, None)

    def _count_predictions(self, columns: Columns, panes: PaneSchemes) -> None:
        accumulate_inputs(columns, self._touch, panes.inputs)
        accumulate_service(columns, self._touch, panes.service)

    def _count_if_full(self) -> None:
        if self._pending.full:
            self.count_pending()

    def _touch(self, compiled: CompiledModel, key: PartKey) -> AnyPart:
        part = self._parts.get(key)
        if part is None:
            body = self._frozen.pop(key, None)
            part = self._parts[key] = new_part(compiled, key) if body is None else load_part(key.part, body)
        self._bodies.pop(key, None)
        self._mark(key)
        return part

    def _mark(self, key: PartKey) -> None:
        if key not in self._dirty:
            self._dirty[key] = None
            self._first.note(key)
