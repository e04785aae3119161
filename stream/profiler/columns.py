"""Rows of one version of one revision, as columns. A value that does not fit its column is missing, and counted."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.parts.assemble import Column, RawRows, assemble
from stream.parts.columns import Coded, Columns
from stream.parts.kinds import Kinds
from stream.profiler.column_fields import ColumnFields, listed, missing_count
from stream.profiler.fields import Int64, PredictionFields
from tidegauge.definition import Definition


def make_columns(
    compiled: CompiledModel,
    version: str,
    fields: PredictionFields | ColumnFields,
    timestamps_ms: Int64,
    on_time: NDArray[np.bool_],
    hashes: NDArray[np.uint64],
    segments: Mapping[str, Coded],
    noted: Counter[str],
    kinds: Kinds | None = None,
    kind: Int64 | None = None,
) -> Columns:
    """Lay rows out as columns.

    Parameters
    ----------
    noted
        Counts of values that were taken as missing, by reason: `feature_type`, `latency_negative`, `score_range`,
        `score_vector`.
    kinds, kind
        For rows of several models: see `Columns`.
    """
    raw = RawRows(
        ids=fields.ids,
        timestamps_ms=timestamps_ms,
        predictions=_predictions(compiled.definition, fields),
        features=_by_name(compiled, fields, noted),
        segments=segments,
        latency_ms=fields.latencies_ms,
        error=_errors(fields),
        on_time=on_time,
        hashes=hashes,
        kinds=kinds,
        kind=kind,
        checked=isinstance(fields, PredictionFields) and bool(fields.typed),
    )
    columns = assemble(compiled, version, raw)
    _drop_negative_latencies(columns, noted)
    _note_mismatches(columns, raw, noted)
    return columns


def outcome_scores(columns: Columns) -> NDArray[np.float64]:
    """Return what the join compares with the label: the class code for a multiclass task, else the score."""
    return columns.predicted if columns.compiled.task == "multiclass" else columns.score


def _by_name(
    compiled: CompiledModel, fields: PredictionFields | ColumnFields, noted: Counter[str]
) -> dict[str, Column]:
    """Features as columns: the declared ones, or while learning whatever came."""
    if isinstance(fields, PredictionFields) and fields.typed:
        rows = map(msgspec.structs.astuple, fields.features)
        return dict(zip(fields.typed, zip(*rows, strict=True), strict=True))
    columns: dict[str, Column] = {}
    if isinstance(fields, PredictionFields):
        declared = compiled.definition.features
        columns.update(
            _transpose(fields.features, declared) if compiled.learning else _declared(compiled, fields.features)
        )
    else:
        columns.update((name, fields.features[name]) for name in compiled.numeric if name in fields.features)
        texts = (name for name in compiled.categorical if name in fields.features)
        columns.update((name, _no_numbers(fields.features[name])) for name in texts)
    return _without_vectors(compiled, columns, noted)


def _no_numbers(column: Column) -> Column:
    return listed(column) if isinstance(column, np.ndarray) else column


def _without_vectors(compiled: CompiledModel, columns: dict[str, Column], noted: Counter[str]) -> dict[str, Column]:
    """Take vectors out of categorical features: they are no category."""
    declared = compiled.definition.features
    for name, values in columns.items():
        text = name in compiled.categorical or declared.get(name) == "categorical"
        if text and isinstance(values, Sequence) and list in set(map(type, values)):
            noted["feature_type"] += sum(type(value) is list for value in values)
            columns[name] = [None if type(value) is list else value for value in values]
    return columns


def _declared(compiled: CompiledModel, features: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Columns of the declared features; one look-up a row where every row has them all."""
    names = (*compiled.numeric, *compiled.categorical)
    if len(names) > 1:
        try:
            return dict(zip(names, zip(*map(itemgetter(*names), features), strict=True), strict=True))
        except KeyError:
            pass  # some row leaves a feature out
    return {name: [feature.get(name) for feature in features] for name in names}


def _transpose(features: Sequence[Mapping[str, Any]], declared: Collection[str]) -> dict[str, Sequence[Any]]:
    """Turn rows into columns, of declared features alone if there are any; `pieces` has seen to it that they are few.

    One writer's rows name their features alike, and then this is one `zip`.
    """
    names = tuple(features[0])
    if all(tuple(feature) == names for feature in features):
        return dict(zip(names, zip(*(feature.values() for feature in features), strict=True), strict=True))
    every = sorted(name for name in set().union(*features) if not declared or name in declared)
    return {name: [feature.get(name) for feature in features] for name in every}


def _predictions(definition: Definition, fields: PredictionFields | ColumnFields) -> Column:
    """Return what each row predicts; named probabilities stand in where the prediction alone says too little."""
    if not any(fields.probabilities):
        return fields.predictions
    pairs = zip(listed(fields.predictions), fields.probabilities, strict=True)
    return [_prediction(definition, *pair) for pair in pairs]


def _prediction(definition: Definition, value: Any, probabilities: Any) -> Any:
    if not probabilities:
        return value
    if not isinstance(probabilities, dict):
        return probabilities if value is None and definition.task == "multiclass" else value
    if definition.task == "multiclass" and value is None:
        return min(probabilities.items(), key=lambda item: (-item[1], item[0]))[0]
    if definition.task == "binary" and (value is None or isinstance(value, str | bool)):
        return probabilities.get(definition.positive or "true", value)
    return value


def _errors(fields: PredictionFields | ColumnFields) -> NDArray[np.bool_]:
    """Say which requests failed: by their status, or because they carry an error text."""
    if isinstance(fields, ColumnFields):
        return fields.failed
    if set(fields.statuses) == {"ok"} and set(fields.errors) == {None}:
        return np.zeros(len(fields.ids), dtype=np.bool_)
    pairs = zip(fields.statuses, fields.errors, strict=True)
    return np.array([status != "ok" or error is not None for status, error in pairs], dtype=np.bool_)


def _drop_negative_latencies(columns: Columns, noted: Counter[str]) -> None:
    """Take latencies below zero (two clocks that disagree) as missing."""
    negative = columns.latency_ms < 0
    if negative.any():
        noted["latency_negative"] += int(negative.sum())
        columns.latency_ms[negative] = np.nan


def _note_mismatches(columns: Columns, raw: RawRows, noted: Counter[str]) -> None:
    """Count what is there but no number: numeric features, probabilities outside [0, 1], and vectors of them."""
    missing = () if raw.checked else np.isnan(columns.numeric).sum(axis=0)  # of checked features, None alone is
    for index in np.flatnonzero(missing).tolist():
        given = raw.features.get(columns.compiled.numeric[index])
        if given is not None:
            noted["feature_type"] += int(missing[index]) - missing_count(given)
    if columns.compiled.task == "binary" and np.isnan(columns.score).any():
        pairs = zip(columns.score.tolist(), listed(raw.predictions), strict=True)
        unread = [given for score, given in pairs if math.isnan(score)]
        noted["score_range"] += sum(isinstance(given, float) for given in unread)
        noted["score_vector"] += sum(isinstance(given, list) for given in unread)
