"""Assembling columns from values as they come: the encoding, in one place, of features, predictions and segments."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.vocabulary import Vocabulary
from stream.model.compiled import CompiledModel
from stream.parts.columns import Coded, Columns, Float64Array, Unseen
from stream.parts.encoding import category_text, encode_class, encode_score
from stream.parts.hashes import hash_ids
from stream.parts.kinds import Kinds
from stream.timeline.panes import Int64Array
from tidegauge.definition import Definition

Values = Sequence[object] | NDArray[np.generic]
Column = Values | Coded
"""Values as they come, or coded text."""

_PLAIN = frozenset({float, int, bool, type(None)})
"""What NumPy turns into numbers at one go: None becomes NaN."""

_TEXT = frozenset({str, type(None)})


@dataclass(slots=True, kw_only=True)
class RawRows:
    """n rows of one model and version (or of several of one shape, by `kind`), column by column, before any encoding.

    A feature, segment or optional column that is absent is missing for every row. Where numeric features are `checked`,
    they hold doubles, booleans and None alone.
    """

    ids: Sequence[str]
    timestamps_ms: Int64Array
    predictions: Column
    features: Mapping[str, Column] = field(default_factory=dict)
    segments: Mapping[str, Coded | Sequence[str | None]] = field(default_factory=dict)
    latency_ms: Values | None = None
    error: NDArray[np.bool_] | None = None
    on_time: NDArray[np.bool_] | None = None
    hashes: NDArray[np.uint64] | None = None
    kinds: Kinds | None = None
    kind: Int64Array | None = None
    checked: bool = False


def assemble(compiled: CompiledModel, version: str, rows: RawRows) -> Columns:
    """Encode raw rows for a compiled model.

    Features the definition does not name are left out; while learning, without declared features, all are kept.
    """
    count = len(rows.ids)
    absent: list[None] = [None] * count
    definition = compiled.definition
    columns = Columns(
        compiled=compiled,
        version=version,
        hashes=hash_ids(compiled.model, rows.ids) if rows.hashes is None else rows.hashes,
        ids=rows.ids,
        timestamps_ms=rows.timestamps_ms,
        on_time=np.ones(count, dtype=np.bool_) if rows.on_time is None else rows.on_time,
        score=score_column(definition, rows.predictions),
        predicted=_class_column(definition, rows.predictions),
        latency_ms=as_numbers(absent if rows.latency_ms is None else rows.latency_ms),
        error=np.zeros(count, dtype=np.bool_) if rows.error is None else rows.error,
        numeric=_numeric(compiled, rows),
        segments=[_coded(rows.segments.get(name, absent)) for name in compiled.segments],
        kinds=rows.kinds,
        kind=rows.kind,
    )
    if compiled.learning:
        _add_loose(columns, rows)
    else:
        _add_categorical(columns, rows)
    return columns


def _coded(values: Coded | Sequence[str | None]) -> Coded:
    return values if isinstance(values, Coded) else Coded.of(values)


def score_column(definition: Definition, predictions: Column) -> Float64Array:
    """Return the score of each prediction; NaN also for a binary task's number that is no probability."""
    if isinstance(predictions, Coded):
        return score_column(definition, [*predictions.names, None])[predictions.codes]
    plain = _plain_numbers(predictions) if definition.task != "multiclass" else None
    if plain is None:
        scores = np.array([encode_score(definition, value) for value in predictions], dtype=np.float64)
    else:
        with np.errstate(over="ignore"):
            scores = plain.astype(np.float32).astype(np.float64)
    if definition.task == "binary":
        scores[(scores < 0) | (scores > 1)] = np.nan
    return scores


def _class_column(definition: Definition, predictions: Column) -> Float64Array:
    if isinstance(predictions, Coded):
        return _class_column(definition, [*predictions.names, None])[predictions.codes]
    if definition.task != "multiclass":
        return np.full(len(predictions), np.nan)
    return np.array([encode_class(definition, value) for value in predictions], dtype=np.float64)


def as_numbers(values: Column) -> Float64Array:
    """Return values as float64: true is 1, NaN stands for whatever is no number, +-inf for a number too large."""
    if isinstance(values, Coded):
        return np.full(len(values.codes), np.nan)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float64)
    plain = _plain_numbers(values)
    return np.fromiter((_number(value) for value in values), np.float64, len(values)) if plain is None else plain


def _plain_numbers(values: Values) -> Float64Array | None:
    """Return values as float64, many times faster than one by one; None where one of them needs a closer look."""
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values.astype(np.float64)
    if not _PLAIN.issuperset(map(type, values)):
        return None
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number beyond float64
        return None


def _number(value: object) -> float:
    if not isinstance(value, int | float | np.number | np.bool_):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)
    except TypeError:  # complex numbers
        return math.nan


def _numeric(compiled: CompiledModel, rows: RawRows) -> Float64Array:
    matrix = np.full((len(rows.ids), len(compiled.numeric)), np.nan)
    for index, name in enumerate(compiled.numeric):
        if name in rows.features:
            values = rows.features[name]
            matrix[:, index] = values if rows.checked else as_numbers(values)
    return matrix


def _add_categorical(columns: Columns, rows: RawRows) -> None:
    absent: list[str | None] = [None] * len(columns)
    codes: list[Int64Array] = []
    unseen: list[Unseen] = []
    kinds, kind = columns.by_kind()
    tables = None if (kind == kind[:1]).all() else kinds.tables(kinds.shape(int(kind[0])))
    for index, name in enumerate(columns.compiled.categorical):
        values = rows.features.get(name, absent)
        if tables is None:
            vocabulary = kinds[int(kind[0]) if kind.size else 0].compiled.vocabularies[index]
            cells, text = _cells(vocabulary, values)
            outside = np.flatnonzero(cells == vocabulary.unseen)
        else:
            texts = _plain_texts(values)
            cells, outside = tables.codes(index, texts, kind)
            text = texts.__getitem__
        codes.append(cells)
        if outside.size:
            unseen.append(Unseen(index, outside, [str(text(row)) for row in outside.tolist()]))
    columns.categorical, columns.unseen = codes, unseen


def _cells(vocabulary: Vocabulary, values: Column) -> tuple[Int64Array, Callable[[int], str | None]]:
    """Return the cell of each value, and what gives the text of a row's value."""
    if isinstance(values, Coded):
        return vocabulary.codes([*values.names, None])[values.codes], values.text
    texts = _plain_texts(values)
    return vocabulary.codes(texts), texts.__getitem__


def _plain_texts(values: Column) -> Sequence[str | None]:
    if isinstance(values, Coded):
        return values.texts()
    return values if _TEXT.issuperset(map(type, values)) else _texts(values)  # type: ignore[return-value]  # just checked


def _texts(values: Values) -> list[str | None]:
    return [value if type(value) is str else category_text(value) for value in values]


def _add_loose(columns: Columns, rows: RawRows) -> None:
    declared = columns.compiled.definition.features
    numeric: dict[str, Float64Array] = {}
    text: dict[str, Sequence[str | None]] = {}
    for name, column in rows.features.items():
        if declared and name not in declared:
            continue
        values = column.texts() if isinstance(column, Coded) else column
        if declared.get(name) != "categorical":
            numeric[name] = as_numbers(values if declared.get(name) == "numeric" else _without_booleans(values))
        if declared.get(name) != "numeric":
            everything = declared.get(name) == "categorical"
            text[name] = [category_text(v) if everything or isinstance(v, str | bool) else None for v in values]
    columns.loose_numeric, columns.loose_text = numeric, text


def _without_booleans(values: Values) -> Values:
    """Take booleans out: an undeclared feature of booleans is inferred to be categorical, so they are no numbers."""
    if isinstance(values, np.ndarray):
        return np.full(len(values), np.nan) if values.dtype.kind == "b" else values
    return [None if isinstance(value, bool) else value for value in values]
