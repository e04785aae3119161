"""When this shard goes over to a new revision: at its `effective_from`, or at the next pane nobody has touched.

A shard that is past `effective_from` when it hears of a revision has counted rows under the one before; a pane holds
rows of one revision only. What it did is part of its state, so every owner after it does the same.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import msgspec

from stream.model.boundaries import common_boundary
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, CompiledModel
from tidegauge.definition import Definition

_PREFIX = b"v|"


class Switch(msgspec.Struct, array_like=True, frozen=True):
    """From which event time a revision holds by definition, and in this shard."""

    revision: str
    effective_from_ms: int
    instant_ms: int


class Switches:
    """The revisions a shard knows, by model. Memory: some 100 bytes a revision."""

    def __init__(self) -> None:
        self._known: dict[str, list[Switch]] = {}
        self._dirty: set[str] = set()

    def known(self, model: str) -> Sequence[Switch]:
        """Return what was decided about a model's revisions, in their order."""
        return tuple(self._known.get(model, ()))

    def view(self, catalog: Catalog, touched_ms: Callable[[str], int]) -> Catalog:
        """Return the catalog as it holds in this shard, and remember what was decided about revisions it did not know.

        Parameters
        ----------
        touched_ms
            For a model the end of its last pane that may hold rows; `ALWAYS_MS` for one never seen.
        """
        revisions = {model: self._revisions(model, catalog, touched_ms) for model in catalog.models}
        if all(list(catalog.revisions(model)) == revisions[model] for model in catalog.models):
            return catalog
        return Catalog(revisions, undeclared=catalog.undeclared)

    def take_changes(self) -> dict[bytes, bytes]:
        """Return the fields of the state that changed since the last call."""
        changed, self._dirty = self._dirty, set()
        return {switch_field(model): msgspec.msgpack.encode(self._known[model]) for model in sorted(changed)}

    @property
    def written(self) -> bool:
        """Whether nothing changed since the last call of `take_changes`."""
        return not self._dirty

    def moved(self) -> dict[str, bytes]:
        """Return by model the field of those that went over later than their definition says."""
        return {
            model: msgspec.msgpack.encode(known)
            for model, known in self._known.items()
            if any(switch.instant_ms != switch.effective_from_ms for switch in known)
        }

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in stored fields; others are left alone."""
        for field, value in fields.items():
            if field.startswith(_PREFIX):
                model = field.removeprefix(_PREFIX).decode()
                self._known[model] = msgspec.msgpack.decode(value, type=list[Switch])

    def _revisions(self, model: str, catalog: Catalog, touched_ms: Callable[[str], int]) -> list[CompiledModel]:
        declared = list(catalog.revisions(model))
        known = {(switch.revision, switch.effective_from_ms): switch.instant_ms for switch in self.known(model)}
        if all(known.get((c.revision, c.effective_from_ms)) == c.effective_from_ms for c in declared):
            return declared
        if not known and touched_ms(model) == ALWAYS_MS:  # most models, when a shard begins
            for compiled in declared:
                self._note(model, compiled, compiled.effective_from_ms)
            return declared
        before = compile_model(Definition(model=model))  # what it was counted under while nobody had declared it
        held: list[CompiledModel] = []
        for compiled in declared:
            instant_ms = known.get((compiled.revision, compiled.effective_from_ms))
            if instant_ms is None:
                instant_ms = _instant(before, compiled, touched_ms(model))
                self._note(model, compiled, instant_ms)
            if not held and instant_ms > compiled.effective_from_ms:
                held.append(before)
            before = _from(compiled, instant_ms)
            held.append(before)
        return held

    def _note(self, model: str, compiled: CompiledModel, instant_ms: int) -> None:
        switch = Switch(compiled.revision, compiled.effective_from_ms, instant_ms)
        self._known.setdefault(model, []).append(switch)
        self._dirty.add(model)


def switch_field(model: str) -> bytes:
    """Return the field of a shard's state that holds a model's switches."""
    return _PREFIX + model.encode()


def _from(compiled: CompiledModel, instant_ms: int) -> CompiledModel:
    if compiled.effective_from_ms == instant_ms:
        return compiled
    return dataclasses.replace(compiled, effective_from_ms=instant_ms)


def _instant(before: CompiledModel, compiled: CompiledModel, touched_ms: int) -> int:
    """Return the instant from which a revision that is new to the shard holds in it, not before the one before it."""
    instant_ms = max(before.effective_from_ms, compiled.effective_from_ms)
    if instant_ms >= touched_ms or _counts_alike(before, compiled):
        return instant_ms
    return common_boundary(touched_ms, (before, compiled))


def _counts_alike(before: CompiledModel, compiled: CompiledModel) -> bool:
    """Whether two revisions differ in rules of the monitor only: the same rows make the same parts."""
    return (before.panes, before.segments, before.label_horizon_ms, dict(before.layouts), before.inputs_part) == (
        compiled.panes,
        compiled.segments,
        compiled.label_horizon_ms,
        dict(compiled.layouts),
        compiled.inputs_part,
    )
