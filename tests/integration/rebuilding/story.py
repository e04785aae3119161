"""A day of one model, from noon to noon, with hourly windows: messages, and when a broker took them."""

import json
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from tidegauge import partition_for

HOUR, MINUTE, DAY = 3_600_000, 60_000, 86_400_000
MIDNIGHT = (time.time_ns() // 1_000_000 // DAY - 3) * DAY
NOON, HOURS, ROWS = MIDNIGHT - DAY // 2, 24, 220
TOLD_AT = MIDNIGHT + 25 * MINUTE
"""What came until then is in the newest snapshot: the first moment of a day makes one."""

LOST_AT = NOON + 16 * HOUR + 25 * MINUTE
"""The loss: four hours after that snapshot, within two episodes."""

DRIFTED, CREPT, WORSE = range(7, 19), range(8, 24), range(14, 20)
PARTITIONS = 4
DEFINITION = """\
model: pump
task: regression
label_horizon: 1h
label_ages: [10m]
features: {flow: numeric, head: numeric, valve: categorical}
reference: {file: healthy.parquet, held_out: true}
windows: [1h]
monitors:
  - drift: {features: all}
  - performance: {metric: mae}
  - coverage: {}
  - errors: {budget: 2%}
"""


class Message(NamedTuple):
    """One message; the broker takes it at `at_ms`."""

    at_ms: int
    topic: str
    identity: str
    value: bytes


def reference_frame() -> pd.DataFrame:
    """Return sixty healthy hours before noon."""
    rows = pd.concat([_hour(hour) for hour in range(-60, 0)], ignore_index=True)
    return pd.DataFrame({
        "timestamp": pd.to_datetime(rows["ts"], unit="ms", utc=True),
        "prediction_id": rows["id"],
        "prediction": rows["prediction"],
        "label": rows["label"],
        "label_timestamp": pd.to_datetime(rows["ts"] + rows["delay"], unit="ms", utc=True),
        "flow": rows["flow"],
        "head": rows["head"],
        "valve": rows["valve"],
    })  # fmt: skip


def messages() -> list[Message]:
    """Return everything in the order in which it arrives."""
    return sorted(message for hour in range(HOURS) for message in _messages(hour))


def end() -> list[Message]:
    """Return the watermark with which a log that ends must end."""
    at_ms = NOON + HOURS * HOUR
    value = json.dumps({"type": "watermark", "timestamp_ms": at_ms + 3 * HOUR}).encode()
    return [Message(at_ms, topic, "", value) for topic in ("predictions", "labels")]


def produce(bootstrap: str, prefix: str, chosen: list[Message]) -> None:
    """Write messages; one without identity goes to every partition."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for at_ms, topic, identity, value in chosen:
        places = [partition_for(identity.encode(), PARTITIONS)] if identity else range(PARTITIONS)
        for place in places:
            producer.produce(f"{prefix}{topic}", value, key=identity, partition=place, timestamp=at_ms)
        producer.poll(0)
    assert producer.flush(30) == 0


def keep_their_times(bootstrap: str, prefix: str) -> None:
    """Let the input topics take the messages' own times, as the clock of a broker that had run all along."""
    wanted = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in wanted.items()]
    resources = [
        ConfigResource(ConfigResource.Type.TOPIC, f"{prefix}{topic}", incremental_configs=entries)
        for topic in ("predictions", "labels")
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.incremental_alter_configs(resources).values():
        future.result(20)


def _hour(hour: int) -> pd.DataFrame:
    rng = np.random.default_rng([7, hour + 1_000])
    flow = rng.normal(0, 1, ROWS) + rng.normal(0, 0.05) + 1.2 * (hour in DRIFTED)
    noise = 1 + 1.5 * (hour in WORSE)
    return pd.DataFrame({
        "id": [f"{hour}-{i}" for i in range(ROWS)],
        "ts": NOON + hour * HOUR + np.sort(rng.integers(0, HOUR, ROWS)),
        "flow": np.round(flow, 5),
        "valve": rng.choice(["open", "half", "shut"], ROWS, p=[0.6, 0.3, 0.1]),
        "head": np.round(rng.normal(0, 1, ROWS) + rng.normal(0, 0.2) + 0.5 * (hour in CREPT), 5),
        "prediction": np.round(2 * flow, 5),
        "label": np.round(2 * flow + rng.normal(0, noise, ROWS), 5),
        "delay": rng.integers(MINUTE, 50 * MINUTE, ROWS),
        "behind": np.where(rng.random(ROWS) < 0.01, rng.integers(MINUTE, 5 * MINUTE, ROWS), 0),
        "failed": rng.random(ROWS) < (0.5 if hour == 15 else 0.0),
    })  # fmt: skip


def _messages(hour: int) -> Iterator[Message]:
    for row in _hour(hour).itertuples():
        event: dict[str, object] = {
            "prediction_id": row.id,
            "model": "pump",
            "version": "1",
            "timestamp_ms": row.ts,
            "features": {"flow": row.flow, "head": row.head, "valve": row.valve},
        }
        event |= {"error": "no answer"} if row.failed else {"prediction": row.prediction}
        yield Message(row.ts + row.behind, "predictions", row.id, json.dumps(event).encode())
        label = {"prediction_id": row.id, "model": "pump", "label": row.label, "timestamp_ms": row.ts + row.delay}
        yield Message(row.ts + row.delay, "labels", row.id, json.dumps(label).encode())
