"""Names a shard has met, bounded: models, versions, segment values, and the contexts that join records point to.

Admission depends only on the order of the predictions in their log, so it is the same for every owner. Beyond a limit
a name becomes `__other__`. Everything is kept in state as small MessagePack fields.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from stream.model.catalog import OTHER_MODEL
from stream.parts.columns import Coded
from stream.profiler.config import Limits

OTHER = OTHER_MODEL

_CONTEXT_PREFIX = b"c|"
_MODEL_PREFIX = b"n|"


class Context(NamedTuple):
    """What a join record must remember of its prediction besides time and score."""

    model: str
    version: str
    segments: tuple[str, ...]


class ModelNames(msgspec.Struct, array_like=True):
    """Versions and segment values of one model that were admitted, in order."""

    versions: list[str] = []
    values: dict[str, list[str]] = {}
    declared: bool = False


class Names:
    """The dictionary. Each method that admits is O(1); `overflowed` counts what became `__other__`, by kind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._models: dict[str, ModelNames] = {}
        self._undeclared = 0
        self._contexts: list[Context] = []
        self._ids: dict[Context, int] = {}
        self._dirty: set[bytes] = set()
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
        found = self._ids.get(context)
        if found is not None:
            return found
        if segments and len(self._contexts) >= self._limits.contexts:
            self._overflow("context", OTHER)
            return self.context(model, version, ())
        self._add(context)
        self._dirty.add(_CONTEXT_PREFIX + str(self._ids[context]).encode())
        return self._ids[context]

    def resolve(self, context: int) -> Context:
        """Return the context with an id."""
        return self._contexts[context]

    def take_changes(self) -> dict[bytes, bytes]:
        """Fields of the state that changed since the last call."""
        changed, self._dirty = self._dirty, set()
        return {field: self._encode(field) for field in changed}

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in the fields of this dictionary from stored state; others are left alone."""
        for field, value in fields.items():
            if field.startswith(_MODEL_PREFIX):
                names = msgspec.msgpack.decode(value, type=ModelNames)
                self._models[field.removeprefix(_MODEL_PREFIX).decode()] = names
                self._undeclared += not names.declared
        contexts = {int(field[len(_CONTEXT_PREFIX) :]): value for field, value in _contexts_of(fields)}
        for _, value in sorted(contexts.items()):
            self._add(msgspec.msgpack.decode(value, type=Context))

    def _encode(self, field: bytes) -> bytes:
        if field.startswith(_CONTEXT_PREFIX):
            return msgspec.msgpack.encode(self._contexts[int(field[len(_CONTEXT_PREFIX) :])])
        return msgspec.msgpack.encode(self._models[field.removeprefix(_MODEL_PREFIX).decode()])

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

    def _add(self, context: Context) -> None:
        self._ids[context] = len(self._contexts)
        self._contexts.append(context)

    def _touch(self, model: str) -> None:
        self._dirty.add(_MODEL_PREFIX + model.encode())

    def _overflow(self, kind: str, name: str) -> str:
        self.overflowed[kind] = self.overflowed.get(kind, 0) + 1
        return name


def _contexts_of(fields: Mapping[bytes, bytes]) -> Iterable[tuple[bytes, bytes]]:
    return ((field, value) for field, value in fields.items() if field.startswith(_CONTEXT_PREFIX))
