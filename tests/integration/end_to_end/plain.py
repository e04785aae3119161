"""A model whose service has no SDK of ours: raw JSON, the prediction id as key, the Java default partitioner."""

import json
from typing import Any

import numpy as np
import pandas as pd
from confluent_kafka import Producer
from integration.end_to_end.scenario import DAY, HOUR, MINUTE
from sklearn import metrics

FIRST_DAY = pd.Timestamp("2024-10-20", tz="UTC")
DEFINITION = """\
model: plain
task: regression
label_horizon: 1d
label_ages: [1h]
features: {x: numeric, kind: categorical}
reference: {file: plain.csv, held_out: true}
windows: [1d]
monitors:
  - drift: {}
  - performance: {metric: mae}
  - coverage: {}
  - latency: {}
"""


def reference_frame() -> pd.DataFrame:
    """Return ten healthy days, as a CSV file holds them."""
    days = [rows(FIRST_DAY - pd.Timedelta(days=10 - day), seed=day) for day in range(10)]
    frame = pd.concat(days, ignore_index=True)
    iso = pd.to_datetime(frame["ts"], unit="ms", utc=True)
    return frame.drop(columns=["ts", "delay", "id", "latency"]).assign(
        timestamp=iso, label_timestamp=iso + pd.to_timedelta(frame["delay"], unit="ms")
    )


def rows(day: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Return one day of a regression."""
    rng = np.random.default_rng(seed)
    n = 260
    x = rng.normal(0, 1, n)
    return pd.DataFrame({
        "id": [f"p{seed}-{i}" for i in range(n)],
        "ts": int(day.timestamp() * 1000) + np.sort(rng.integers(0, DAY, n)),
        "x": np.round(x, 6),
        "kind": rng.choice(["a", "b"], n),
        "prediction": np.round(3 * x, 4),
        "label": np.round(3 * x + rng.normal(0.2, 1, n), 4),
        "delay": np.where(rng.random(n) < 0.5, 30 * MINUTE, 5 * HOUR),
        "latency": np.round(rng.lognormal(3, 0.5, n), 3),
    })  # fmt: skip


def live_rows() -> pd.DataFrame:
    """Return the two days that are sent."""
    return pd.concat([rows(FIRST_DAY, 100), rows(FIRST_DAY + pd.Timedelta(days=1), 101)], ignore_index=True)


def send(bootstrap: str, prefix: str) -> None:
    """Publish the two days as any Kafka client would; every other label names no model."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2"})
    frame = live_rows()
    messages: list[tuple[int, str, str, dict[str, Any]]] = []
    for row in frame.itertuples():
        event = {
            "prediction_id": row.id, "model": "plain", "timestamp_ms": int(row.ts), "prediction": row.prediction,
            "features": {"x": row.x, "kind": row.kind}, "latency_ms": row.latency, "host": {"of": "no interest"},
        }  # fmt: skip
        at_ms = int(row.ts + row.delay)
        label = {"prediction_id": row.id, "label": row.label, "timestamp_ms": at_ms}
        named = label if row.Index % 2 else {**label, "model": "plain"}
        messages += [(int(row.ts), "predictions", row.id, event), (at_ms, "labels", row.id, named)]
    for _, role, key, message in sorted(messages, key=lambda m: m[0]):
        producer.produce(f"{prefix}{role}", json.dumps(message, indent=1).encode(), key=key)
    assert producer.flush(30) == 0


def expected(day: pd.Timestamp, age_ms: int) -> dict[str, float]:
    """Return what the report on one day's outcomes must say, at a label age."""
    frame = live_rows()
    start = int(day.timestamp() * 1000)
    frame = frame[(frame["ts"] >= start) & (frame["ts"] < start + DAY)]
    known = frame[frame["delay"] <= age_ms]
    said, was = (np.float32(known[name]).astype(float) for name in ("prediction", "label"))
    return {
        "n": len(frame),
        "labelled": len(known),
        "mae": metrics.mean_absolute_error(was, said),
        "rmse": float(np.sqrt(metrics.mean_squared_error(was, said))),
        "bias": float((said - was).mean()),
    }
