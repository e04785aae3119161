"""Columns of a batch in their two forms: lists of plain values, and packed bytes, which are read many times faster.

A list of numbers costs 15 to 50 ns a number to read, packed ones a tenth. Only what comes back unchanged is packed:
numbers that are all numbers or missing, text of at most 255 distinct values. Everything else stays a list.
"""

import math
import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tidegauge.errors import DecodeError
from tidegauge.events import CategoryColumn, Float32Column, Float64Column, Int64Column, PredictionBatch

MISSING_CODE: Final = 255
"""Code of `null` in a CategoryColumn, and so the most categories it can have."""

LEAST_ROWS: Final = 8
"""Of fewer rows plain lists are shorter, and can be read by people."""

_NUMBERS: Final = frozenset({float, int, type(None)})
_TEXTS: Final = frozenset({str, type(None)})
_FORMS: Final[dict[type, str]] = {Float64Column: "d", Float32Column: "f", Int64Column: "q", CategoryColumn: "B"}
_COLUMNS: Final = ("timestamps_ms", "predictions", "latencies_ms", "errors")
_MAPPINGS: Final = ("features", "segments", "signals")


def packed(batch: PredictionBatch) -> PredictionBatch:
    """Return a batch whose columns are packed where they come back unchanged. O(rows x columns)."""
    if len(batch.prediction_ids) < LEAST_ROWS:
        return batch
    return _each(batch, lambda name, column: _times(column) if name == "timestamps_ms" else _pack(column))


def unpacked(batch: PredictionBatch) -> PredictionBatch:
    """Return a batch whose columns are lists.

    Raises
    ------
    DecodeError
        When packed bytes are no whole number of entries, or a code stands for no category.
    """
    return _each(batch, plain)


def plain(name: str, column: Any) -> Any:
    """Return a column as a list, None where nothing is; `name` stands in errors. Raises DecodeError."""
    form = _FORMS.get(type(column))
    if form is None:
        return column
    values = array(form)
    try:
        values.frombytes(column.bdata)
    except ValueError:
        raise DecodeError(
            f"column {name}: {len(column.bdata)} bytes of packed data are no whole number of {values.itemsize}"
        ) from None
    if sys.byteorder == "big":
        values.byteswap()
    if form == "B":
        return _categories(name, column.categories, values)
    return values.tolist() if form == "q" else [value if math.isfinite(value) else None for value in values]


def _categories(name: str, categories: list[str], codes: Sequence[int]) -> list[str | None]:
    texts: list[str | None] = [*categories, *[None] * (MISSING_CODE + 1 - len(categories))]
    wrong = next((code for code in set(codes) if len(categories) <= code < MISSING_CODE), None)
    if wrong is not None or len(set(categories)) < len(categories):
        what = "a category twice" if wrong is None else f"code {wrong}, which is none"
        raise DecodeError(f"column {name}: {what} of {len(categories)} categories")
    return [texts[code] for code in codes]


def _each(batch: PredictionBatch, change: Callable[[str, Any], Any]) -> PredictionBatch:
    changed = {name: change(name, getattr(batch, name)) for name in _COLUMNS}
    for group in _MAPPINGS:
        columns = getattr(batch, group)
        changed[group] = {name: change(f"{group}.{name}", column) for name, column in columns.items()}
    return msgspec.structs.replace(batch, **changed)


def _pack(column: Any) -> Any:
    if not isinstance(column, list) or not column:
        return column
    kinds = set(map(type, column))
    if kinds == {type(None)}:
        return column
    if kinds <= _TEXTS:
        return _texts(column)
    try:
        return _numbers(column) if kinds <= _NUMBERS else column
    except OverflowError:  # a whole number beyond float64: not for JSON either, whose writer will say so
        return column


def _numbers(column: list[float | None]) -> Float64Column | Float32Column:
    doubles = array("d", [math.nan if value is None else value for value in column])
    singles = array("f", doubles)
    if array("d", singles).tobytes() == doubles.tobytes():
        return Float32Column(bdata=_little_endian(singles))
    return Float64Column(bdata=_little_endian(doubles))


def _texts(column: list[str | None]) -> Any:
    distinct = [text for text in dict.fromkeys(column) if text is not None]
    if len(distinct) > min(MISSING_CODE, len(column) // 2):
        return column
    codes: dict[str | None, int] = {None: MISSING_CODE, **{text: code for code, text in enumerate(distinct)}}
    return CategoryColumn(bdata=bytes(map(codes.__getitem__, column)), categories=distinct)


def _times(column: Any) -> Any:
    try:
        return Int64Column(bdata=_little_endian(array("q", column))) if isinstance(column, list) else column
    except OverflowError:
        return column


def _little_endian(values: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()
