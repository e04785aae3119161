"""A batch message's columns, laid out as rows: the slow way, for messages that need a look at every row."""

from collections.abc import Sequence
from typing import Any

from stream.profiler.validate import Problem
from tidegauge.events import Prediction, PredictionBatch


def unbatch(batch: PredictionBatch) -> list[Prediction] | Problem:
    """Rows of a batch message; a column of another length than `prediction_ids` is the message's problem.

    O(rows x columns).

    Parameters
    ----------
    batch
        Its columns are lists, as `tidegauge.decode_prediction_message` gives them.
    """
    n = len(batch.prediction_ids)
    lists: Any = batch
    wrong = _wrong_column(lists, n)
    if wrong is not None:
        return wrong
    features, segments, signals = (_rows(columns, n) for columns in (lists.features, lists.segments, lists.signals))
    times_ms, predictions = lists.timestamps_ms, lists.predictions or [None] * n
    probabilities = lists.probabilities or [None] * n
    latencies, errors = lists.latencies_ms or [None] * n, lists.errors or [None] * n
    return [
        Prediction(
            prediction_id=batch.prediction_ids[i],
            model=batch.model,
            timestamp_ms=times_ms[i],
            version=batch.version,
            features=features[i],
            prediction=predictions[i],
            probabilities=probabilities[i],
            latency_ms=latencies[i],
            status="ok" if errors[i] is None else "error",
            error=errors[i],
            segments={name: value for name, value in segments[i].items() if value is not None},
            signals={name: value for name, value in signals[i].items() if value is not None},
        )
        for i in range(n)
    ]


def _wrong_column(batch: Any, n: int) -> Problem | None:
    columns: dict[str, Sequence[object]] = {"timestamps_ms": batch.timestamps_ms}
    optional: dict[str, Sequence[object]] = {
        "predictions": batch.predictions,
        "probabilities": batch.probabilities,
        "latencies_ms": batch.latencies_ms,
        "errors": batch.errors,
    }
    columns.update({name: column for name, column in optional.items() if column})
    for group in ("features", "segments", "signals"):
        columns.update({f"{group}.{name}": column for name, column in getattr(batch, group).items()})
    for name, column in columns.items():
        if len(column) != n:
            return Problem("ragged_batch", f"column {name} has {len(column)} entries, prediction_ids has {n}")
    return None


def _rows(columns: dict[str, Any], n: int) -> list[dict[str, Any]]:
    """Turn {name: column} into one {name: value} a row."""
    if not columns:
        return [{} for _ in range(n)]
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
