"""Labels as the join log holds them: a float32 and two bits that say what it stands for."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.parts.encoding import as_float32, encode_label
from tidegauge.definition import Definition
from tidegauge.events import LabelValue

NUMBER, TEXT, BOOL = 0, 1, 2
_PREFIX = b"t|"
_UNKNOWN = -1


class LabelTexts:
    """Text labels by code, in the order they were met; text beyond the limit has no code and reads as no label.

    A label is kept as it came, because it may wait for a definition (`positive`, `classes`) that is not there yet.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._texts: list[str] = []
        self._codes: dict[str, int] = {}
        self._stored = 0
        self.overflowed = 0

    def pack(self, label: float | str | bool) -> tuple[int, float]:  # noqa: FBT001 - a label may be a bool
        """Return a label as (kind, float32 value)."""
        if isinstance(label, bool):
            return BOOL, float(label)
        if isinstance(label, str):
            return TEXT, float(self._code(label))
        return NUMBER, as_float32(label)

    def pack_all(self, labels: Sequence[LabelValue]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the kinds and values of labels in the order of their log; each distinct text is looked up once."""
        types = set(map(type, labels))
        if types <= {float}:
            with np.errstate(over="ignore"):
                return np.zeros(len(labels), dtype=np.int64), np.array(labels, dtype=np.float64).astype(np.float32)
        if types == {str}:
            codes = {label: float(self._code(str(label))) for label in dict.fromkeys(labels)}
            values = np.fromiter(map(codes.__getitem__, labels), np.float32, len(labels))
            return np.full(len(labels), TEXT, dtype=np.int64), values
        packed = [self.pack(label) for label in labels]
        return np.array([kind for kind, _ in packed], dtype=np.int64), np.array(
            [v for _, v in packed], dtype=np.float32
        )

    def unpack(self, kind: int, value: float) -> float | str | bool | None:
        """Return the label that was packed; None for a text beyond the limit."""
        if kind == TEXT:
            return None if value == _UNKNOWN else self._texts[int(value)]
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
            distinct, inverse = np.unique(values[rows].astype(np.float64), return_inverse=True)
            numbers = [encode_label(definition, self.unpack(kind, value)) for value in distinct.tolist()]
            result[rows] = np.array(numbers, dtype=np.float64)[inverse.reshape(-1)]
        return result

    def take_changes(self) -> dict[bytes, bytes]:
        """Fields of the state that are new since the last call."""
        first, self._stored = self._stored, len(self._texts)
        new = range(first, self._stored)
        return {_PREFIX + str(code).encode(): msgspec.msgpack.encode(self._texts[code]) for code in new}

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in the fields of this dictionary from stored state; others are left alone."""
        found = {int(name[len(_PREFIX) :]): value for name, value in fields.items() if name.startswith(_PREFIX)}
        for _, value in sorted(found.items()):
            self._code(msgspec.msgpack.decode(value, type=str))
        self._stored = len(self._texts)

    def _code(self, text: str) -> int:
        code = self._codes.get(text)
        if code is None:
            if len(self._texts) >= self._limit:
                self.overflowed += 1
                return _UNKNOWN
            code = self._codes[text] = len(self._texts)
            self._texts.append(text)
        return code
