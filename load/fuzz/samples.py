"""Good messages of every type, and the models they belong to: what a mutation starts from."""

import json
import random
from collections.abc import Callable
from typing import Any, Final

import msgspec

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from tidegauge.codec import encode as to_bytes
from tidegauge.columns import packed
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid
from tidegauge.events import PredictionBatch

START_MS: Final = 1_700_000_000_000
MODELS: Final = ("planner", "kinds", "price", "nobody-declared-it")

Event = dict[str, Any]


def catalog() -> Catalog:
    """One model of each task; the last of `MODELS` is left to be learnt."""
    grids: dict[str, FeatureGrid] = {"temp": NumericGrid([0.0, 10.0, 20.0]), "carrier": CategoricalGrid(["UA", "AA"])}
    features = {"temp": "numeric", "carrier": "categorical"}
    scored: dict[str, FeatureGrid] = {**grids, "__score__": NumericGrid([0.25, 0.5, 0.75])}
    common: dict[str, Any] = {"segments": ["origin"], "features": features, "label_horizon": "2h", "windows": ["1h"]}
    definitions = (
        (Definition(model="planner", task="binary", positive="late", **common), scored),
        (Definition(model="kinds", task="multiclass", classes=["a", "b", "c"], **common), grids),
        (Definition(model="price", task="regression", lateness="20s", **common), scored),
    )
    return Catalog({definition.model: [compile_model(definition, given)] for definition, given in definitions})


def prediction(rng: random.Random, at_ms: int) -> Event:
    """Make a plain prediction."""
    return {
        "prediction_id": f"id{rng.randrange(4_000)}",
        "model": rng.choice(MODELS),
        "version": rng.choice(("", "v1", "v2")),
        "timestamp_ms": at_ms,
        "prediction": rng.choice((rng.random(), "a", "late", True, None, [0.1, 0.9], 7)),
        "probabilities": rng.choice((None, None, {"a": 0.2, "b": 0.8}, [0.5, 0.5])),
        "features": {"temp": rng.choice((1.5, None, 1e308, "x")), "carrier": rng.choice(("UA", "ZZ", None, 3))},
        "segments": rng.choice(({}, {"origin": "JFK"}, {"origin": "EWR", "other": "x"})),
        "latency_ms": rng.choice((None, 3.0, 800.0, -1.0)),
        "error": rng.choice((None, None, None, "timeout")),
        "signals": rng.choice(({}, {"tokens": 12.0})),
    }


def batch(rng: random.Random, at_ms: int) -> Event:
    """Make a batch message of a few rows, or of so many that it is read by column; packed or not."""
    event = _batch(rng, at_ms, rng.choice((rng.randrange(6), rng.randrange(20, 60))))
    if rng.random() < 0.5:
        return event
    packed_event: Event = json.loads(to_bytes(packed(msgspec.convert(event, PredictionBatch))))
    return packed_event


def _batch(rng: random.Random, at_ms: int, n: int) -> Event:
    return {
        "type": "batch",
        "prediction_ids": [f"id{rng.randrange(4_000)}" for _ in range(n)],
        "model": rng.choice(MODELS),
        "timestamps_ms": [at_ms + i for i in range(n)],
        "features": {
            "temp": [rng.choice((1.0, 0.1, None)) for _ in range(n)],
            "carrier": [rng.choice(("UA", "ZZ", None)) for _ in range(n)],
        },
        "predictions": [rng.random() for _ in range(n)],
        "latencies_ms": [rng.choice((None, 2.0)) for _ in range(n)],
        "errors": [rng.choice((None, "e")) for _ in range(n)],
        "segments": {"origin": [rng.choice((None, "JFK")) for _ in range(n)]},
        "signals": {"tokens": [1.0] * n},
    }


def label(rng: random.Random, at_ms: int) -> Event:
    """Make a plain label."""
    return {
        "prediction_id": f"id{rng.randrange(4_000)}",
        "model": rng.choice((*MODELS, "")),
        "label": rng.choice(("late", "on time", "a", 1.5, 0, True)),
        "timestamp_ms": at_ms + rng.choice((-5_000, 60_000, 3_600_000)),
    }


def feedback(rng: random.Random, at_ms: int) -> Event:
    """Make a feedback message."""
    return {
        "type": "feedback",
        "prediction_id": f"id{rng.randrange(4_000)}",
        "timestamp_ms": at_ms,
        "signals": {"stars": 4.0},
    }


def watermark(_: random.Random, at_ms: int) -> Event:
    """Make a control record a minute behind the events around it."""
    return {"type": "watermark", "timestamp_ms": at_ms - 60_000}


Make = Callable[[random.Random, int], Event]
KINDS: Final[dict[str, tuple[tuple[Make, ...], tuple[int, ...]]]] = {
    "predictions": ((prediction, batch, watermark), (90, 9, 1)),
    "labels": ((label, feedback, watermark), (90, 9, 1)),
}
"""For each topic the types of message in it, with their weights."""


def sample(role: str, rng: random.Random, at_ms: int) -> Event:
    """Make a good message for a topic."""
    makes, weights = KINDS[role]
    return rng.choices(makes, weights)[0](rng, at_ms)


def encode(event: Event) -> bytes:
    """Return its JSON."""
    return json.dumps(event).encode()
