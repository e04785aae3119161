"""The parts in memory, and which of them changed since they were last written."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from stream.model.compiled import CompiledModel, PaneSchemes
from stream.parts.accumulate import accumulate_inputs, accumulate_outcomes, accumulate_service
from stream.parts.columns import Columns, OutcomeRows
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part, new_part


class PartStore:
    """Parts by key, with dirty tracking. Not thread-safe; memory is the caller's to bound with `drop`.

    Examples
    --------
    A profiler adds batches, writes what changed, and forgets what closed::

        store.add_inputs(columns)
        for key in store.take_dirty():
            write(key, store.snapshot(key))
    """

    def __init__(self) -> None:
        self._parts: dict[PartKey, AnyPart] = {}
        # A dict keeps the order in which parts were first touched: a run repeats itself exactly.
        self._dirty: dict[PartKey, None] = {}

    @property
    def parts(self) -> Mapping[PartKey, AnyPart]:
        """Every part held, by key; read-only."""
        return MappingProxyType(self._parts)

    def __len__(self) -> int:
        """Return the number of parts held."""
        return len(self._parts)

    def __iter__(self) -> Iterator[PartKey]:
        """Iterate over the keys, oldest first."""
        return iter(self._parts)

    def __contains__(self, key: object) -> bool:
        """Return whether the part of a key is held."""
        return key in self._parts

    def __getitem__(self, key: PartKey) -> AnyPart:
        """Return the part of a key; raises KeyError."""
        return self._parts[key]

    def add_inputs(self, columns: Columns, panes: PaneSchemes | None = None) -> None:
        """Add rows to inputs (or sample) and service parts; `panes` default to the model's live ones."""
        if len(columns) == 0:
            return
        panes = panes or columns.compiled.panes
        accumulate_inputs(columns, self._touch, panes.inputs)
        accumulate_service(columns, self._touch, panes.service)

    def add_outcomes(self, outcomes: OutcomeRows, panes: PaneSchemes | None = None) -> None:
        """Add outcomes to outcome parts; `panes` default to the model's live ones."""
        if len(outcomes) == 0:
            return
        panes = panes or outcomes.compiled.panes
        accumulate_outcomes(outcomes, self._touch, panes.outcome)

    def snapshot(self, key: PartKey) -> bytes:
        """Return the body of a part; raises KeyError."""
        return self._parts[key].snapshot()

    def load(self, key: PartKey, body: bytes) -> None:
        """Put a stored part back, clean; raises detectors.errors.SnapshotError for bad bytes."""
        self._parts[key] = load_part(key.part, body)
        self._dirty.pop(key, None)

    def dirty(self) -> tuple[PartKey, ...]:
        """Return the keys of the parts that changed since they were last taken, in order of first change."""
        return tuple(self._dirty)

    def take_dirty(self) -> tuple[PartKey, ...]:
        """Return `dirty()` and call those parts clean: the caller now answers for writing them."""
        keys = self.dirty()
        self._dirty.clear()
        return keys

    def mark_dirty(self, keys: Iterable[PartKey]) -> None:
        """Call parts changed (again): what was taken could not be written. Parts no longer held are skipped."""
        self._dirty.update((key, None) for key in keys if key in self._parts)

    def drop(self, keys: Iterable[PartKey]) -> None:
        """Forget parts; keys that are not held are skipped."""
        for key in keys:
            self._parts.pop(key, None)
            self._dirty.pop(key, None)

    def _touch(self, compiled: CompiledModel, key: PartKey) -> AnyPart:
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = new_part(compiled, key)
        self._dirty[key] = None
        return part
