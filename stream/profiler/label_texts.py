"""Labels as the join log holds them: a float32 and two bits that say what it stands for."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import OTHER_MODEL, Catalog
from stream.parts.encoding import READ_AS_BINARY, as_float32, encode_label
from tidegauge.definition import Definition
from tidegauge.events import LabelValue

NUMBER, TEXT, BOOL, NAMED = 0, 1, 2, 3
OTHER = OTHER_MODEL

_PREFIXES = {TEXT: b"t|", NAMED: b"d|"}
_UNKNOWN = -1
"""Value of a text beyond the limit, as the release before wrote it."""
# A value of kind NAMED is a NaN that carries a code: the release before, which does not know the kind, reads no label.
_NAN_BITS, _CODE_MASK = 0x7FC00000, 0x3FFFFF
_OTHER_CODE = _CODE_MASK

Packed = tuple[int, float | np.float32]
"""Kind and value; only a float32 is sure to keep the code that a NaN carries."""


class LabelTexts:
    """Text labels by code, in the order they were met; beyond the limit only texts that a definition names have one.

    All others become `__other__`: neither a positive label nor a class, for those have codes. A label is kept as it
    came, because it may wait for a definition (`positive`, `classes`) that is not there yet.

    Attributes
    ----------
    declared
        The texts that definitions name, see `declared_texts`.
    overflowed
        How many labels became `__other__`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._texts: dict[int, list[str]] = {TEXT: [], NAMED: []}
        self._packed: dict[str, Packed] = {}
        self._stored = {TEXT: 0, NAMED: 0}
        self.declared: frozenset[str] = frozenset()
        self.overflowed = 0

    def pack(self, label: float | str | bool) -> Packed:  # noqa: FBT001 - a label may be a bool
        """Return a label as (kind, float32 value)."""
        if isinstance(label, bool):
            return BOOL, float(label)
        if isinstance(label, str):
            return self._pack_text(label)
        return NUMBER, as_float32(label)

    def pack_all(self, labels: Sequence[LabelValue]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the kinds and values of labels in the order of their log; each distinct text is looked up once."""
        types = set(map(type, labels))
        if types <= {float}:
            with np.errstate(over="ignore"):
                return np.zeros(len(labels), dtype=np.int64), np.array(labels, dtype=np.float64).astype(np.float32)
        if types == {str}:
            rows_of = Counter(labels)
            place = dict(zip(rows_of, range(len(rows_of)), strict=True))
            kinds, values = _columns([self._pack_text(str(label), rows) for label, rows in rows_of.items()])
            places = np.fromiter(map(place.__getitem__, labels), np.int64, len(labels))
            return kinds[places], values[places]
        return _columns([self.pack(label) for label in labels])

    def unpack(self, kind: int, value: float) -> float | str | bool | None:
        """Return the label that was packed; of kind NAMED by its code. None for a text whose code was not kept."""
        if kind == NAMED:
            return OTHER if value == _OTHER_CODE else self._texts[NAMED][int(value)]
        if kind == TEXT:
            return None if value == _UNKNOWN else self._texts[TEXT][int(value)]
        return bool(value) if kind == BOOL else value

    def encode(
        self, definition: Definition, kinds: NDArray[np.int64], values: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Labels as numbers of a model's task, each distinct one read once; NaN where the task cannot read it."""
        if definition.task in {"regression", "score"} and not kinds.any():
            return values.astype(np.float64)
        result = np.empty(len(values))
        for kind in np.flatnonzero(np.bincount(kinds)).tolist():
            rows = np.flatnonzero(kinds == kind)
            some = values[rows]
            stated = some.view(np.uint32) & _CODE_MASK if kind == NAMED else some.astype(np.float64)
            distinct, inverse = np.unique(stated, return_inverse=True)
            numbers = [encode_label(definition, self.unpack(kind, value)) for value in distinct.tolist()]
            result[rows] = np.array(numbers, dtype=np.float64)[inverse.reshape(-1)]
        return result

    def take_changes(self) -> dict[bytes, bytes]:
        """Fields of the state that are new since the last call."""
        fields: dict[bytes, bytes] = {}
        for kind, texts in self._texts.items():
            new = range(self._stored[kind], len(texts))
            fields |= {_PREFIXES[kind] + str(code).encode(): msgspec.msgpack.encode(texts[code]) for code in new}
            self._stored[kind] = len(texts)
        return fields

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in the fields of this dictionary from stored state; others are left alone."""
        for kind, prefix in _PREFIXES.items():
            found = {int(name[len(prefix) :]): value for name, value in fields.items() if name.startswith(prefix)}
            for _, value in sorted(found.items()):
                self._add(kind, msgspec.msgpack.decode(value, type=str))
            self._stored[kind] = len(found)

    def _pack_text(self, text: str, rows: int = 1) -> Packed:
        packed = self._packed.get(text)
        if packed is not None:
            return packed
        if len(self._texts[TEXT]) < self._limit:
            return self._add(TEXT, text)
        if text in self.declared and len(self._texts[NAMED]) < _OTHER_CODE:
            return self._add(NAMED, text)
        self.overflowed += rows
        return NAMED, _named(_OTHER_CODE)

    def _add(self, kind: int, text: str) -> Packed:
        code = len(self._texts[kind])
        self._texts[kind].append(text)
        self._packed[text] = packed = kind, float(code) if kind == TEXT else _named(code)
        return packed


def declared_texts(catalog: Catalog) -> frozenset[str]:
    """Return the label texts that mean something to any revision of any model. O(revisions)."""
    definitions = [revision.definition for model in catalog.models for revision in catalog.revisions(model)]
    positive = {definition.positive for definition in definitions if definition.positive is not None}
    return READ_AS_BINARY.union(positive, *(definition.classes for definition in definitions))


def _columns(packed: Sequence[Packed]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    kinds, values = zip(*packed, strict=True)
    return np.array(kinds, dtype=np.int64), np.array(values, dtype=np.float32)


def _named(code: int) -> np.float32:
    value: np.float32 = np.uint32(_NAN_BITS | code).view(np.float32)
    return value
