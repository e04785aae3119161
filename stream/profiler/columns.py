"""Rows of one version of one revision, as columns. A value that does not fit its column is missing, and counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.parts.assemble import RawRows, assemble
from stream.parts.columns import Columns
from tidegauge.definition import Definition
from tidegauge.events import Prediction


def make_columns(
    compiled: CompiledModel,
    version: str,
    rows: Sequence[Prediction],
    timestamps_ms: NDArray[np.int64],
    on_time: NDArray[np.bool_],
    hashes: NDArray[np.uint64],
    segments: Mapping[str, Sequence[str | None]],
    noted: Counter[str],
) -> Columns:
    """Lay rows out as columns.

    Parameters
    ----------
    noted
        Counts of values that were taken as missing, by reason: `feature_type`, `latency_negative`, `score_range`.
    """
    raw = RawRows(
        ids=[row.prediction_id for row in rows],
        timestamps_ms=timestamps_ms,
        predictions=[_prediction(compiled.definition, row) for row in rows],
        features=_by_name(compiled, rows, noted),
        segments=segments,
        latency_ms=[row.latency_ms for row in rows],
        error=np.array([row.status != "ok" or row.error is not None for row in rows], dtype=np.bool_),
        on_time=on_time,
        hashes=hashes,
    )
    columns = assemble(compiled, version, raw)
    _drop_negative_latencies(columns, noted)
    _note_mismatches(columns, raw, noted)
    return columns


def outcome_scores(columns: Columns) -> NDArray[np.float64]:
    """Return what the join compares with the label: the class code for a multiclass task, else the score."""
    return columns.predicted if columns.compiled.task == "multiclass" else columns.score


def _by_name(compiled: CompiledModel, rows: Sequence[Prediction], noted: Counter[str]) -> dict[str, Sequence[Any]]:
    """Features as columns: the declared ones, or while learning whatever came. Vectors are no category."""
    columns = _transpose([row.features for row in rows])
    if not compiled.learning:
        absent = (None,) * len(rows)
        columns = {name: columns.get(name, absent) for name in (*compiled.numeric, *compiled.categorical)}
    declared = compiled.definition.features
    for name, values in columns.items():
        if (name in compiled.categorical or declared.get(name) == "categorical") and list in set(map(type, values)):
            noted["feature_type"] += sum(type(value) is list for value in values)
            columns[name] = [None if type(value) is list else value for value in values]
    return columns


def _transpose(features: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Turn rows into columns; one writer's rows name their features alike, and then this is one `zip`."""
    names = tuple(features[0])
    if all(tuple(feature) == names for feature in features):
        return dict(zip(names, zip(*(feature.values() for feature in features), strict=True), strict=True))
    every = sorted(set().union(*features))
    return {name: [feature.get(name) for feature in features] for name in every}


def _prediction(definition: Definition, row: Prediction) -> Any:
    """Return what a row predicts; named probabilities stand in where the prediction alone says too little."""
    value, probabilities = row.prediction, row.probabilities
    if not isinstance(probabilities, dict) or not probabilities:
        return probabilities if value is None and definition.task == "multiclass" else value
    if definition.task == "multiclass" and value is None:
        return min(probabilities.items(), key=lambda item: (-item[1], item[0]))[0]
    if definition.task == "binary" and (value is None or isinstance(value, str | bool)):
        return probabilities.get(definition.positive or "true", value)
    return value


def _drop_negative_latencies(columns: Columns, noted: Counter[str]) -> None:
    """Take latencies below zero (two clocks that disagree) as missing."""
    negative = columns.latency_ms < 0
    if negative.any():
        noted["latency_negative"] += int(negative.sum())
        columns.latency_ms[negative] = np.nan


def _note_mismatches(columns: Columns, raw: RawRows, noted: Counter[str]) -> None:
    """Count what is there but no number: numeric features, and probabilities outside [0, 1]."""
    for index, name in enumerate(columns.compiled.numeric):
        missing = int(np.isnan(columns.numeric[:, index]).sum())
        if missing:
            noted["feature_type"] += missing - list(raw.features[name]).count(None)
    if columns.compiled.task == "binary" and np.isnan(columns.score).any():
        pairs = zip(columns.score.tolist(), raw.predictions, strict=True)
        noted["score_range"] += sum(score != score and isinstance(given, float) for score, given in pairs)  # noqa: PLR0124 - NaN
