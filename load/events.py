"""Seeded standard events, encoded beforehand: 15 numeric, 5 categorical features, latency, a segment, a label each."""

from dataclasses import dataclass

import numpy as np
import orjson

START_MS = 1_700_000_000_000
NUMERIC, CATEGORICAL = 15, 5


@dataclass(frozen=True)
class Encoded:
    """Predictions and their labels as (key, value), in order of event time."""

    predictions: list[tuple[bytes, bytes]]
    labels: list[tuple[bytes, bytes]]

    @property
    def bytes_per_prediction(self) -> float:
        """Mean size of a prediction's JSON."""
        return sum(len(value) for _, value in self.predictions) / len(self.predictions)


def encode_events(count: int, *, seed: int = 1, per_second: int = 2_000) -> Encoded:
    """Make `count` predictions of one binary model, each labelled ten minutes later."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, NUMERIC)).round(4).tolist()
    categories = rng.integers(0, 12, (count, CATEGORICAL)).tolist()
    scores = rng.beta(2, 5, count)
    late = (rng.random(count) < scores).tolist()
    predictions, labels = [], []
    for i, (row, names, score) in enumerate(zip(numbers, categories, scores.tolist(), strict=True)):
        at = START_MS + i * 1000 // per_second
        key = f"request-{seed}-{i:09d}"
        features: dict[str, object] = {f"numeric_feature_{j}": value for j, value in enumerate(row)}
        features |= {f"category_{j}": f"value-{value}" for j, value in enumerate(names)}
        event = {
            "prediction_id": key, "model": "standard", "version": "1", "timestamp_ms": at, "features": features,
            "prediction": score, "latency_ms": 3.5, "segments": {"region": f"region-{i % 4}"},
        }  # fmt: skip
        label = {"prediction_id": key, "model": "standard", "label": int(late[i]), "timestamp_ms": at + 600_000}
        predictions.append((key.encode(), orjson.dumps(event)))
        labels.append((key.encode(), orjson.dumps(label)))
    return Encoded(predictions, labels)
