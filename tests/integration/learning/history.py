"""Six weeks of two models whose healthy days nobody has written down, as messages, in the order of their time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Producer

from tidegauge import partition_for

DAY = 86_400_000
HOUR = 3_600_000
DAY_0 = 1_704_067_200_000  # 2024-01-01 00:00 UTC
PARTITIONS = 4
UNDECLARED, DECLARED = "walkin", "counter"
DEFINITION = """\
model: counter
task: binary
label_horizon: 1d
label_ages: [6h]
windows: [1d]
reference: {learn: 8d}
"""


@dataclass(frozen=True)
class Story:
    """One model: how long it runs, how many rows a day, and from which day on its amounts are others."""

    model: str
    days: int
    changed_from: int
    rows: int = 300


STORIES = (Story(UNDECLARED, 44, 38), Story(DECLARED, 24, 19))
END = DAY_0 + max(story.days for story in STORIES) * DAY


def produce(bootstrap: str, prefix: str) -> None:
    """Write both logs: rows, labels, and the watermark with which a log that ends must end."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "partitioner": "murmur2_random"})
    messages = sorted(message for story in STORIES for message in _messages(story))
    for _, role, identity, value in messages:
        producer.produce(f"{prefix}{role}", value, key=identity, partition=partition_for(identity, PARTITIONS))
        producer.poll(0)
    last = json.dumps({"type": "watermark", "timestamp_ms": END + 3 * DAY}).encode()
    for role in ("predictions", "labels"):
        for partition in range(PARTITIONS):
            producer.produce(f"{prefix}{role}", last, partition=partition)
    assert producer.flush(60) == 0


def _messages(story: Story) -> Iterator[tuple[int, str, bytes, bytes]]:
    """Yield (time, role, prediction id, message)."""
    for day in range(story.days):
        rng = np.random.default_rng([day, story.rows, len(story.model)])
        level = rng.normal(0, 0.1) + 2.0 * (day >= story.changed_from)
        times = DAY_0 + day * DAY + np.sort(rng.integers(0, DAY, story.rows))
        for index, at in enumerate(times.tolist()):
            identity = f"{story.model}-{day}-{index}"
            amount = float(rng.normal() + level)
            score = float(1 / (1 + np.exp(-rng.normal())))
            event: dict[str, object] = {
                "prediction_id": identity,
                "model": story.model,
                "version": "1",
                "timestamp_ms": at,
                "features": {
                    "amount": amount,
                    "region": str(rng.choice(["north", "south", "west"], p=[0.5, 0.3, 0.2])),
                },
                "prediction": score,
                "latency_ms": 12.0,
            }
            yield at, "predictions", identity.encode(), json.dumps(event).encode()
            labelled_at = at + int(rng.integers(HOUR, 5 * HOUR))
            label = {"prediction_id": identity, "model": story.model, "timestamp_ms": labelled_at}
            came = json.dumps({**label, "label": int(rng.random() < score)}).encode()
            yield labelled_at, "labels", identity.encode(), came
