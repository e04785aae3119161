"""A service as users write it: it plays its part of the traffic with Recorders, in a process of its own.

Run as `python -m load.chaos.service` with one JSON object, see `Assignment`. Event time runs `speed` times as fast as
the clock. While the file `hold` exists it stands still; with `done` in the folder the service has ended.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

from confluent_kafka import Producer

from load.chaos.model import MODELS
from load.chaos.traffic import Step, Traffic
from tidegauge import Recorder

TICK_SECONDS = 0.02


@dataclasses.dataclass(frozen=True)
class Assignment:
    """Which part of which traffic, and where to."""

    role: str
    bootstrap: str
    prefix: str
    folder: str
    base_ms: int
    speed: float
    traffic: Traffic

    def text(self) -> str:
        """Return it as an argument."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, text: str) -> "Assignment":
        """Take in an argument."""
        data = json.loads(text)
        data["traffic"]["silent_ms"] = tuple(data["traffic"]["silent_ms"])
        return cls(**{**data, "traffic": Traffic(**data["traffic"])})


class Sender:
    """Recorders for both models on one queue, and a plain client for what no Recorder would send."""

    def __init__(self, given: Assignment) -> None:
        self._given = given
        self._first = Recorder(given.bootstrap, model=MODELS[0], prefix=given.prefix)
        self._plain = Producer({"bootstrap.servers": given.bootstrap, "partitioner": "murmur2"})
        self._recorders: dict[tuple[str, str], Recorder] = {}

    def send(self, step: Step) -> None:
        """Send one message."""
        if step.fields is None:
            self._plain.produce(f"{self._given.prefix}{step.role}", step.raw, key=step.raw[:30])
            self._plain.poll(0)
            return
        fields = {**step.fields, "timestamp_ms": self._given.base_ms + step.fields["timestamp_ms"]}
        recorder = self._recorder(step.model, step.version)
        if step.role == "predictions":
            recorder.log(**fields)
        else:
            recorder.label(fields["prediction_id"], fields["label"], timestamp_ms=fields["timestamp_ms"])

    def close(self) -> str:
        """Wait for Kafka to have all of it; returns what became of it."""
        plain = self._plain.flush(60)
        flushed = self._first.flush(60)
        stats = self._first.stats
        self._first.close()
        return f"done: {stats.delivered} delivered, {stats.dropped} dropped, flushed {flushed}, {plain} left"

    def _recorder(self, model: str, version: str) -> Recorder:
        if (model, version) not in self._recorders:
            self._recorders[model, version] = self._first.for_model(model, version)
        return self._recorders[model, version]


def main(given: Assignment) -> None:
    """Play the steps at their times."""
    sender, folder = Sender(given), Path(given.folder)
    steps = [step for step in given.traffic.steps() if step.role == given.role]
    now_ms, last, sent = 0.0, time.monotonic(), 0
    while sent < len(steps):
        time.sleep(TICK_SECONDS)
        before, last = last, time.monotonic()
        if not (folder / "hold").exists():
            now_ms += (last - before) * 1_000 * given.speed
        while sent < len(steps) and steps[sent].at_ms <= now_ms:
            sender.send(steps[sent])
            sent += 1
    (folder / f"{given.role}.done").write_text(sender.close() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Assignment.read(sys.argv[1]))
