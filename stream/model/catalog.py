"""The catalog: every revision of every model, and the references in force. Immutable, so threads may share it."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

from stream.model.compile import compile_model
from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from tidegauge.definition import Definition

OTHER_MODEL = "__other__"
"""Where rows of models beyond the limit go."""

DEFAULT_MAX_MODELS = 1_000

MAX_REFERENCES = 4
"""References kept per model: a trailing one would add a month of blocks every week for ever."""


class Catalog:
    """Everything declared, as it stood after some prefix of the `models` topic.

    Parameters
    ----------
    revisions
        For each model its compiled revisions.
    references
        For each model the references as (effective_from_ms, reference).
    max_models
        How many models nobody declared are learned before the rest share `OTHER_MODEL`.
    undeclared
        Those already admitted.

    Notes
    -----
    `with_revision` and `with_reference` cost O(models) time and share everything else. Which undeclared models come
    under the limit depends on the order in which they are first asked for; a caller that restores state asks for the
    models in it first.
    """

    def __init__(
        self,
        revisions: Mapping[str, Sequence[CompiledModel]] | None = None,
        references: Mapping[str, Sequence[tuple[int, Reference]]] | None = None,
        max_models: int = DEFAULT_MAX_MODELS,
        undeclared: Mapping[str, CompiledModel] | None = None,
    ) -> None:
        self._revisions = {
            model: tuple(sorted(compiled, key=lambda c: c.effective_from_ms))
            for model, compiled in (revisions or {}).items()
            if compiled
        }
        self._references = {model: tuple(entries) for model, entries in (references or {}).items()}
        self._max_models = max_models
        self._undeclared = dict(undeclared or {})
        self.declared = frozenset(self._revisions)
        """Names of the declared models."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the declared models, sorted."""
        return tuple(sorted(self._revisions))

    @property
    def undeclared(self) -> Mapping[str, CompiledModel]:
        """Models that were asked for but never declared, with the definitions they got."""
        return MappingProxyType(self._undeclared)

    def revisions(self, model: str) -> tuple[CompiledModel, ...]:
        """Return the declared revisions by `effective_from_ms`, rising; () for an undeclared model."""
        return self._revisions.get(model, ())

    def compiled_for(self, model: str, timestamp_ms: int) -> CompiledModel:
        """Return the revision that holds at an event time; before the first one's, the first.

        An undeclared model gets `Definition(model=name)`, in learning mode; beyond `max_models` of them,
        `OTHER_MODEL`'s.
        """
        revisions = self._revisions.get(model)
        if revisions is None:
            return self._undeclared.get(model) or self._admit(model)
        index = bisect_right(revisions, timestamp_ms, key=lambda c: c.effective_from_ms)
        return revisions[max(index - 1, 0)]

    def reference_for(self, model: str, timestamp_ms: int | None = None) -> Reference | None:
        """Return the reference in force at an event time (default: the newest), or None."""
        in_force = None
        for effective_from_ms, reference in self._references.get(model, ()):
            if timestamp_ms is None or effective_from_ms <= timestamp_ms:
                in_force = reference
        return in_force

    def references(self, model: str) -> tuple[tuple[int, Reference], ...]:
        """Return every reference of a model as (effective_from_ms, reference), by time."""
        return self._references.get(model, ())

    def with_revision(self, compiled: CompiledModel) -> Self:
        """Return a catalog that has one revision more; of two with the same instant the later added holds."""
        revisions = {**self._revisions, compiled.model: (*self.revisions(compiled.model), compiled)}
        return self._derived(revisions, self._references)

    def with_reference(self, reference: Reference, effective_from_ms: int) -> Self:
        """Return a catalog in which `reference` is in force from an event time on; the newest `MAX_REFERENCES` stay."""
        entries = (*self._references.get(reference.model, ()), (effective_from_ms, reference))
        ordered = tuple(sorted(entries, key=lambda entry: entry[0])[-MAX_REFERENCES:])
        return self._derived(self._revisions, {**self._references, reference.model: ordered})

    def _derived(
        self,
        revisions: Mapping[str, Sequence[CompiledModel]],
        references: Mapping[str, Sequence[tuple[int, Reference]]],
    ) -> Self:
        undeclared = {model: compiled for model, compiled in self._undeclared.items() if model not in revisions}
        return type(self)(revisions, references, self._max_models, undeclared)

    def _admit(self, model: str) -> CompiledModel:
        name = model if len(self._undeclared) < self._max_models else OTHER_MODEL
        compiled = self._undeclared.get(name) or compile_model(Definition(model=name))
        self._undeclared[name] = compiled
        return compiled
