"""From columns to what a service would log: one dictionary a prediction, one a label."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from load.generate.draw import Columns, category_name
from load.generate.spec import LoadSpec

Event = dict[str, Any]


def predictions(spec: LoadSpec, columns: Columns, first: int) -> Iterator[Event]:
    """Make the predictions of a slice whose first row has the number `first`; ids are unique for a seed."""
    texts = [category_name(number) for number in range(spec.categories + 1)]
    models, names = spec.model_names, spec.numeric_names
    categorical, dimensions = spec.categorical_names, spec.segment_names
    padding = "x" * spec.padding_bytes
    missing = np.isnan(columns.numbers).any(axis=1).tolist()
    rows = zip(
        columns.timestamps_ms.tolist(),
        columns.numbers.tolist(),
        columns.categories.tolist(),
        columns.segments.tolist(),
        columns.scores.tolist(),
        columns.latencies_ms.tolist(),
        columns.failed.tolist(),
        columns.models.tolist(),
        columns.versions.tolist(),
        missing,
        strict=True,
    )
    for number, (at, numbers, categories, segments, score, latency, failed, model, version, holes) in enumerate(
        rows, first
    ):
        features: Event = dict(zip(names, numbers, strict=True))
        if holes:
            features = {name: None if value != value else value for name, value in features.items()}  # noqa: PLR0124 - NaN
        for name, category in zip(categorical, categories, strict=True):
            features[name] = texts[category]
        event: Event = {
            "prediction_id": prediction_id(spec, number),
            "model": models[model],
            "version": str(version + 1),
            "timestamp_ms": at,
            "features": features,
            "prediction": score,
            "latency_ms": latency,
            "segments": {name: f"{name}-{value}" for name, value in zip(dimensions, segments, strict=True)},
        }
        if failed:
            event["status"], event["error"] = "error", "upstream timed out"
        if padding:
            event["padding"] = padding
        yield event


def labels(spec: LoadSpec, columns: Columns, first: int) -> Iterator[Event]:
    """Make the labels of a slice's predictions, those that get one, in order of the predictions."""
    models = spec.model_names
    rows = zip(columns.label_ms.tolist(), columns.outcomes.tolist(), columns.models.tolist(), strict=True)
    for number, (due, outcome, model) in enumerate(rows, first):
        if due >= 0:
            yield {
                "prediction_id": prediction_id(spec, number),
                "model": models[model],
                "label": outcome,
                "timestamp_ms": due,
            }


def prediction_id(spec: LoadSpec, number: int) -> str:
    """Id of a prediction: the seed keeps two loads on one topic apart."""
    return f"request-{spec.seed}-{number:09d}"
