"""A batch message read by column. One that needs a closer look is left to the row path, which says what is wrong."""

from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model.validation import MAX_NAME_LENGTH
from stream.parts.columns import Coded
from stream.profiler.column_fields import ColumnFields
from stream.profiler.config import Limits
from stream.profiler.fields import Int64
from tidegauge.columns import MISSING_CODE
from tidegauge.events import (
    MAX_TIMESTAMP_MS,
    MIN_TIMESTAMP_MS,
    CategoryColumn,
    Float32Column,
    Float64Column,
    Int64Column,
    Name,
    PredictionBatch,
)

_TYPES: Final[dict[type, np.dtype[Any]]] = {
    Float64Column: np.dtype("<f8"),
    Float32Column: np.dtype("<f4"),
    Int64Column: np.dtype("<i8"),
    CategoryColumn: np.dtype("u1"),
}
_NUMBERS: Final = frozenset({float, type(None)})
_TEXTS: Final = frozenset({str, type(None)})
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


T = TypeVar("T")


class CheckedBatch(PredictionBatch, kw_only=True, gc=False, tag_field="type", tag="batch"):
    """A batch whose ids are checked while bytes are read."""

    prediction_ids: list[Name]


_BATCH: Final = msgspec.json.Decoder(CheckedBatch)


class _OddError(Exception):
    """Something that only the row path can judge."""


def read_batch(raw: bytes, limits: Limits) -> ColumnFields | None:
    """Read a message by column; None when it is no batch message, or anything is wrong with it. Never raises."""
    try:
        return _fields(_BATCH.decode(raw), limits)
    except (*_UNREADABLE, _OddError):
        return None


def _fields(batch: CheckedBatch, limits: Limits) -> ColumnFields:
    n = len(batch.prediction_ids)
    within = n and len(batch.features) <= limits.features and len(batch.version) <= limits.text_length
    # The decoder has seen to it that no id is empty, or longer than any name may be.
    if not within or (
        limits.text_length < MAX_NAME_LENGTH and max(map(len, batch.prediction_ids)) > limits.text_length
    ):
        raise _OddError
    if "\x00" in batch.model or "\x00" in batch.version or "\x00" in "".join(batch.prediction_ids):
        raise _OddError
    for signal in batch.signals.values():  # checked, because a message is taken as a whole or not at all
        _sized(signal, n)
    return ColumnFields(
        model=batch.model,
        version=batch.version,
        ids=batch.prediction_ids,
        timestamps_ms=_times(batch.timestamps_ms, n),
        features={name: _column(column, n) for name, column in batch.features.items()},
        predictions=_optional(batch.predictions, n),
        probabilities=_sized(batch.probabilities, n) if batch.probabilities else (),
        latencies_ms=_optional(batch.latencies_ms, n),
        failed=_failed(batch.errors, n),
        segments={name: _text_column(column, n) for name, column in batch.segments.items()},
    )


def _times(column: list[int] | Int64Column, n: int) -> Int64:
    if isinstance(column, Int64Column):
        times_ms: Int64 = np.frombuffer(_sized(column, n).bdata, dtype=_TYPES[Int64Column]).astype(np.int64)
    else:
        try:
            times_ms = np.array(_sized(column, n), dtype=np.int64)
        except OverflowError:
            raise _OddError from None
    if int(times_ms.min()) < MIN_TIMESTAMP_MS or int(times_ms.max()) > MAX_TIMESTAMP_MS:
        raise _OddError
    return times_ms


def _optional(column: Any, n: int) -> Any:
    """Return a column that may be empty: then it is missing for every row."""
    return np.full(n, np.nan) if _entries(column) == 0 else _column(column, n)


def _failed(column: Any, n: int) -> NDArray[np.bool_]:
    if _entries(column) == 0:
        return np.zeros(n, dtype=np.bool_)
    return _text_column(column, n).codes >= 0


def _text_column(column: Any, n: int) -> Coded:
    _sized(column, n)
    return _coded(column) if isinstance(column, CategoryColumn) else Coded.of(column)


def _column(column: Any, n: int) -> Any:
    """Return numbers as float64 and text as codes, packed or not; a list of anything else as it came."""
    _sized(column, n)
    if isinstance(column, list):
        return _listed(column)
    if isinstance(column, CategoryColumn):
        return _coded(column)
    numbers = np.frombuffer(column.bdata, dtype=_TYPES[type(column)]).astype(np.float64, copy=False)
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers


def _listed(column: list[Any]) -> Any:
    kinds = set(map(type, column))
    if kinds <= _NUMBERS:
        return np.array(column, dtype=np.float64)  # None becomes NaN
    return Coded.of(column) if kinds <= _TEXTS else column


def _coded(column: CategoryColumn) -> Coded:
    categories = column.categories
    code_of = np.full(MISSING_CODE + 1, -1, dtype=np.int64)
    code_of[: len(categories)] = np.arange(len(categories))
    written = np.frombuffer(column.bdata, dtype=np.uint8)
    codes = code_of[written]
    if len(set(categories)) < len(categories) or ((codes < 0) & (written < MISSING_CODE)).any():
        raise _OddError
    return Coded(categories, codes)


def _sized(column: T, n: int) -> T:
    if _entries(column) != n:
        raise _OddError
    return column


def _entries(column: Any) -> int:
    """Count the entries of a column; -1 when they are no whole number."""
    if isinstance(column, list):
        return len(column)
    width = _TYPES[type(column)].itemsize
    return len(column.bdata) // width if len(column.bdata) % width == 0 else -1
