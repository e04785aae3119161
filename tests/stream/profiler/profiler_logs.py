"""Random logs full of trouble, the model they belong to, and ways to feed them to a shard."""

import json
import random
from collections.abc import Iterator
from typing import Any

from detectors.moments import Moments
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.outcome import OutcomePart
from stream.parts.part import load_part
from stream.parts.store import PartStore
from stream.profiler.config import ShardConfig
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from tidegauge.definition import CategoricalGrid, Definition, NumericGrid

CONFIG = ShardConfig(retention_ms=1_800_000, bucket_ms=600_000, idle_ms=None)
Event = dict[str, Any]
START = 1_700_000_000_000 // 7_200_000 * 7_200_000


def definition(model: str = "planner") -> Definition:
    return Definition(
        model=model,
        task="binary",
        positive="late",
        segments=["origin"],
        features={"temp": "numeric", "carrier": "categorical"},
        label_horizon="2h",
        label_ages=["10m", "1h"],
        windows=["1h"],
    )


def catalog(models: tuple[str, ...] = ("planner", "gate")) -> Catalog:
    grids = {
        "temp": NumericGrid([0.0, 10.0, 20.0]),
        "carrier": CategoricalGrid(["UA", "AA"]),
        "__score__": NumericGrid([0.25, 0.5, 0.75]),
    }
    return Catalog({model: [compile_model(definition(model), grids)] for model in models})


def random_logs(seed: int, predictions: int = 300, hours: int = 6) -> tuple[list[Event], list[Event]]:
    """Predictions and labels with repeats, late rows, corrections, early labels and labels for nothing."""
    rng = random.Random(seed)
    step = hours * 3_600_000 // predictions
    rows, labels = [], []
    for i in range(predictions):
        ts = START + i * step + rng.randrange(-8_000, 8_000)
        if rng.random() < 0.05:
            ts -= rng.choice([15_000, 600_000, 2_400_000])
        row = {
            "prediction_id": f"id{rng.randrange(i) if i and rng.random() < 0.05 else i}",
            "model": rng.choice(["planner", "planner", "gate"]),
            "version": rng.choice(["v1", "v2"]),
            "timestamp_ms": ts,
            "prediction": rng.randrange(0, 65) / 64,
            "features": {"temp": rng.choice([None, -1.5, 5.0, 15.0, 1e308]), "carrier": rng.choice(["UA", "ZZ", None])},
            "segments": rng.choice([{}, {"origin": "JFK"}, {"origin": "EWR"}]),
            "latency_ms": rng.choice([None, 3.0, 800.0]),
            "broker_ms": rng.choice([-1, ts, ts - 12_000]),
        }
        rows.append(row)
        labels.extend(_labels_of(row, rng))
    labels.sort(key=lambda label: label.pop("order"))
    end = START + hours * 3_600_000
    for at in range(START, end, 1_800_000):
        _insert_watermark(rows, at - 60_000)
    return rows, labels


def _labels_of(row: Event, rng: random.Random) -> Iterator[Event]:
    for _ in range(rng.choice([0, 0, 1, 1, 1, 2, 3])):
        age = rng.choice([-30_000, -5_000, 60_000, 600_000, 1_200_000, 3_600_001, 7_200_000, 7_300_000])
        ts = row["timestamp_ms"] + age
        yield {
            "prediction_id": row["prediction_id"] if rng.random() < 0.95 else f"nothing{rng.random()}",
            "label": rng.choice(["late", "on time"]),
            "timestamp_ms": ts,
            "model": rng.choice([row["model"], row["model"], row["model"], ""]),
            "broker_ms": -1,
            "order": ts + (rng.choice([0, 30_000, 1_200_000]) if rng.random() < 0.2 else 0),
        }


def _insert_watermark(rows: list[Event], at: int) -> None:
    index = next((i for i, row in enumerate(rows) if row["timestamp_ms"] > at + 600_000), len(rows))
    rows.insert(index, {"type": "watermark", "timestamp_ms": at, "broker_ms": -1})


def raw(log: list[Event], first: int, last: int, partition: int = 0) -> RawBatch:
    """Messages [first, last) of a log."""
    events = log[first:last]
    values = [json.dumps({k: v for k, v in event.items() if k != "broker_ms"}).encode() for event in events]
    return RawBatch(partition, list(range(first, first + len(events))), [e["broker_ms"] for e in events], values)


def feed(
    core: ShardCore, rows: list[Event], labels: list[Event], rng: random.Random | None = None, batch: int = 10_000
) -> Iterator[None]:
    """Read both logs to their ends, in random batches and interleaving when `rng` is given; yields after each batch."""
    at = {"predictions": core.offsets.get("predictions", 0), "labels": core.offsets.get("labels", 0)}
    logs = {"predictions": rows, "labels": labels}
    while any(at[role] < len(logs[role]) for role in logs):
        role = rng.choice(list(logs)) if rng else "predictions" if at["predictions"] < len(rows) else "labels"
        size = rng.choice([1, 5, 20]) if rng else batch
        some = raw(logs[role], at[role], at[role] + size)
        at[role] += len(some.offsets)
        if some.offsets:
            assert getattr(core, role)(some) == []
            yield


def run(rows: list[Event], labels: list[Event], rng: random.Random | None = None, batch: int = 10_000) -> ShardCore:
    core = ShardCore(0, catalog(), CONFIG)
    for _ in feed(core, rows, labels, rng, batch):
        pass
    return core


def bodies(store: PartStore) -> dict[PartKey, bytes]:
    """Body of every part, see `comparable`."""
    return without_empty({key: comparable(key.part, store.snapshot(key)) for key in store})


def without_empty(found: dict[PartKey, bytes]) -> dict[PartKey, bytes]:
    """Leave out parts that hold nothing: what one label added and another took back may never have been added."""
    empty = OutcomePart("binary", definition().threshold, 0).snapshot()
    return {key: body for key, body in found.items() if body != empty}


def comparable(part: str, body: bytes) -> bytes:
    """A body with means and variances left out: their last bits depend on the order of merging."""
    loaded = load_part(part, body)
    if isinstance(loaded, InputsPart):
        empty = Moments(loaded.numeric + 1)
        loaded.moments.mean, loaded.moments.m2 = empty.mean, empty.m2
    return loaded.snapshot()
