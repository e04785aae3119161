"""Names a shard has met, bounded: models, versions, segment values, and the contexts that join records point to.

Admission depends only on the order of the predictions in their log, so it is the same for every owner. Beyond a limit
a name becomes `__other__`. Versions and values that no remembered prediction has any more make room for others: a model
may be retrained every night for ever. Everything is kept in state as small MessagePack fields.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import OTHER_MODEL
from stream.parts.columns import Coded
from stream.parts.keys import segment_label
from stream.profiler.config import Limits
from stream.profiler.contexts import Context, Contexts

OTHER = OTHER_MODEL

_MODEL_PREFIX = b"n|"


class ModelNames(msgspec.Struct, array_like=True):
    """Versions and segment values of one model that are kept under their own names, in order."""

    versions: list[str] = []
    values: dict[str, list[str]] = {}
    declared: bool = False


class Names:
    """The dictionary. Each method that admits is O(1); `overflowed` counts what became `__other__`, by kind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._models: dict[str, ModelNames] = {}
        self._undeclared = 0
        self._contexts = Contexts()
        self._dirty: set[str] = set()
        self.overflowed: dict[str, int] = {}

    @property
    def models(self) -> Collection[str]:
        """Names of the models that were admitted."""
        return self._models.keys()

    @property
    def undeclared(self) -> bool:
        """Whether a model was met that was not declared then: one under its own name, or `__other__`."""
        return self._undeclared > 0 or OTHER in self._models

    def model(self, name: str, declared: Collection[str]) -> str:
        """Name under which a model is kept; declared ones are always admitted."""
        if name in self._models:
            return name
        if name not in declared:
            if self._undeclared >= self._limits.models:
                return self._overflow("model", OTHER)
            self._undeclared += 1
        self._models[name] = ModelNames(declared=name in declared)
        self._touch(name)
        return name

    def version(self, model: str, version: str) -> str:
        """Name under which a version of an admitted model is kept."""
        versions = self._of(model).versions
        if version not in versions:
            if len(versions) >= self._limits.versions_per_model:
                return self._overflow("version", OTHER)
            versions.append(version)
            self._touch(model)
        return version

    def segment_values(self, model: str, segment: str, values: Coded | Sequence[str | None]) -> Coded:
        """Values of one segmenting attribute, row by row, as they are kept."""
        known = self._of(model).values.setdefault(segment, [])
        coded = values.by_appearance() if isinstance(values, Coded) else Coded.of(values)
        kept = [self._value(model, known, value) for value in coded.names]
        if kept == list(coded.names):
            return coded
        names = [name for name in dict.fromkeys(kept) if name is not None]
        code_of = np.array([-1 if name is None else names.index(name) for name in kept] + [-1], dtype=np.int64)
        return Coded(names, code_of[coded.codes])  # -1, for none, is the last entry

    def context(self, model: str, version: str, segments: tuple[str, ...]) -> int:
        """Id of a context; beyond the limit that of its model and version without segments."""
        context = Context(model, version, segments)
        found = self._contexts.find(context)
        if found is not None:
            return found
        if segments and len(self._contexts) >= self._limits.contexts:
            self._overflow("context", OTHER)
            return self.context(model, version, ())
        return self._contexts.add(context)

    def resolve(self, context: int) -> Context:
        """Return the context with an id."""
        return self._contexts.resolve(context)

    def used(self, contexts: NDArray[np.uint32], days: NDArray[np.int64]) -> None:
        """Note the day of each of some predictions, by the ids of their contexts."""
        self._contexts.used(contexts, days)

    @property
    def from_day(self) -> int:
        """The day up to which names were forgotten."""
        return self._contexts.from_day

    def forget(self, from_day: int, held: Callable[[int], NDArray[np.bool_]]) -> bool:
        """Let go of names without a prediction since a day; whether any name or id went.

        Parameters
        ----------
        from_day
            A name whose last prediction was before that makes room for others. Of the predictions alone, so that the
            same names are admitted everywhere.
        held
            Tells of each context's id below a number whether a record of the join log has it: others are given anew.

        Notes
        -----
        O(contexts). Values of rows that had no context of their own any more (`context` beyond its limit) go too, and
        are admitted again, if there is room, with their next row.
        """
        retired = self._contexts.retire(from_day)
        if retired:
            self._keep_current()
        return self._contexts.free(held) or retired

    def take_changes(self) -> dict[bytes, bytes | None]:
        """Fields of the state that changed since the last call; None: gone."""
        changed, self._dirty = self._dirty, set()
        models = {_MODEL_PREFIX + name.encode(): msgspec.msgpack.encode(self._models[name]) for name in changed}
        return {**models, **self._contexts.take_changes()}

    def load(self, fields: Mapping[bytes, bytes], from_day: int = 0, day: int = 0) -> None:
        """Take in the fields of this dictionary from stored state; others are left alone.

        Parameters
        ----------
        from_day
            As it was when they were stored.
        day
            When contexts were last used that do not tell.
        """
        for field, value in fields.items():
            if field.startswith(_MODEL_PREFIX):
                names = msgspec.msgpack.decode(value, type=ModelNames)
                self._models[field.removeprefix(_MODEL_PREFIX).decode()] = names
                self._undeclared += not names.declared
        self._contexts.load(fields, from_day, day)

    def _keep_current(self) -> None:
        """Keep the versions and values that a context has which still counts."""
        versions: dict[str, set[str]] = defaultdict(set)
        labels: dict[str, set[str]] = defaultdict(set)
        for model, version, segments in self._contexts.current:
            versions[model].add(version)
            labels[model].update(segments)
        for model, names in self._models.items():
            kept = [version for version in names.versions if version in versions[model]]
            values = {
                name: [value for value in known if segment_label(name, value) in labels[model]]
                for name, known in names.values.items()
            }
            if kept != names.versions or values != names.values:
                names.versions, names.values = kept, values
                self._touch(model)

    def _of(self, model: str) -> ModelNames:
        if model not in self._models:  # only `__other__` comes here unadmitted
            self._models[model] = ModelNames(declared=True)
        return self._models[model]

    def _value(self, model: str, known: list[str], value: str | None) -> str | None:
        if not value:
            return None
        if value in known:
            return value
        if len(known) >= self._limits.values_per_segment or len(value) > self._limits.text_length:
            return self._overflow("segment_value", OTHER)
        known.append(value)
        self._touch(model)
        return value

    def _touch(self, model: str) -> None:
        self._dirty.add(model)

    def _overflow(self, kind: str, name: str) -> str:
        self.overflowed[kind] = self.overflowed.get(kind, 0) + 1
        return name
