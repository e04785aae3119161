"""What the services send, in order of event time, all from one seed: healthy minutes, a drift, an outage, a recovery.

Between the rows: repeats, rows out of order, clocks an hour off, labels that are early, late, corrected, never come or
belong to nothing, and messages that nobody can read. Times count from the beginning of the run.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from load.chaos.model import (
    HORIZON_MS,
    HOUR_MS,
    MINUTE_MS,
    MODELS,
    ROWS_PER_MINUTE,
    SECOND_MS,
    VERSIONS,
    Health,
    Row,
    make_rows,
)
from tidegauge.partitioner import partition_for

POISON = {
    "predictions": [
        b'{"prediction_id": "cut sh',
        b'{"prediction_id": "nan", "model": "credit", "timestamp_ms": 1, "prediction": NaN}',
        b'{"prediction_id": 17, "model": "credit", "timestamp_ms": 1}',
        b'{"prediction_id": "no time", "model": "credit"}',
        b"\xff\xfe no text",
        json.dumps({"prediction_id": "wide", "model": "credit", "timestamp_ms": 1_700_000_000_000,
                    "features": dict.fromkeys(map(str, range(600)), 1)}).encode(),
    ],
    "labels": [b"[]", b'{"prediction_id": "y", "label": {}, "timestamp_ms": 1}', b"\x00"],
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One message: when it is sent, by which service, for which model; `fields` as the Recorder takes them."""

    at_ms: int
    role: str
    model: str = ""
    version: str = ""
    fields: dict[str, Any] | None = None
    raw: bytes = b""


@dataclass(frozen=True)
class Traffic:
    """A stretch of event time, and what is special in it.

    Attributes
    ----------
    silent_shard, silent_ms
        A partition that nothing is sent to, and from when until when.
    clock_ahead_ms
        From when on, for five seconds, some services are an hour ahead: the broker's clock cuts them back.
    """

    seed: int
    length_ms: int
    partitions: int
    silent_shard: int = 0
    silent_ms: tuple[int, int] = (0, 0)
    clock_ahead_ms: int | None = None

    def steps(self) -> list[Step]:
        """Return everything, in the order in which it is sent."""
        rng = np.random.default_rng(self.seed)
        steps = [step for model in MODELS for step in self._of_model(model, rng)]
        return sorted([*steps, *self._poison(rng)], key=lambda step: step.at_ms)

    def health(self, at_ms: int) -> Health:
        """Return how the world is at an instant: it drifts in the second quarter, fails in the third."""
        part = at_ms / self.length_ms
        drifted = 0.25 <= part < 0.6
        return Health(1.5 * drifted, 0.5 * drifted, 0.3 * (0.45 <= part < 0.55))

    def _of_model(self, model: str, rng: np.random.Generator) -> Iterator[Step]:
        count = 0
        for start_ms in range(0, self.length_ms, MINUTE_MS):
            rows = make_rows(ROWS_PER_MINUTE, self.health(start_ms), rng)
            for i, row in enumerate(rows):
                at_ms = start_ms + i * MINUTE_MS // ROWS_PER_MINUTE
                if at_ms >= self.length_ms:
                    return
                count += 1
                identity = self._identity(model, count, at_ms)
                version = VERSIONS[model][count % len(VERSIONS[model])]
                yield from self._predictions(model, version, identity, at_ms, row, rng)
                yield from _labels(model, identity, at_ms, row, rng)

    def _identity(self, model: str, count: int, at_ms: int) -> str:
        identity, attempt = f"{model}-{count}", 0
        while (
            self.silent_ms[0] <= at_ms < self.silent_ms[1]
            and partition_for(identity.encode(), self.partitions) == self.silent_shard
        ):
            attempt += 1
            identity = f"{model}-{count}-{attempt}"
        return identity

    def _predictions(
        self, model: str, version: str, identity: str, at_ms: int, row: Row, rng: np.random.Generator
    ) -> Iterator[Step]:
        fields: dict[str, Any] = {
            "prediction_id": identity,
            "timestamp_ms": at_ms + self._clock_error_ms(at_ms, rng),
            "features": {"age": row.age, "debt": row.debt, "channel": row.channel},
            "segments": {"region": row.region},
            "latency_ms": row.latency_ms,
        }
        fields |= {"error": "no answer"} if row.failed else {"prediction": row.score}
        chance = rng.random()
        late_ms = int(rng.integers(12_000, 90_000)) if chance < 0.02 else int(rng.integers(0, 4_000))
        yield Step(at_ms + late_ms, "predictions", model, version, fields)
        if chance > 0.98:  # the same once more
            yield Step(at_ms + int(rng.integers(0, 60_000)), "predictions", model, version, fields)

    def _clock_error_ms(self, at_ms: int, rng: np.random.Generator) -> int:
        if rng.random() < 0.004:
            return -HOUR_MS - 10 * MINUTE_MS * int(rng.integers(0, 2))
        ahead = self.clock_ahead_ms is not None and self.clock_ahead_ms <= at_ms < self.clock_ahead_ms + 5_000
        return HOUR_MS if ahead and rng.random() < 0.3 else 0

    def _poison(self, rng: np.random.Generator) -> Iterator[Step]:
        for role, raws in POISON.items():
            for at_ms in range(5_000, self.length_ms, 20_000):
                yield Step(at_ms, role, raw=raws[int(rng.integers(len(raws)))] + b" " * int(rng.integers(9)))


def _labels(model: str, identity: str, at_ms: int, row: Row, rng: np.random.Generator) -> Iterator[Step]:
    """Yield what is told about one outcome; a label's own time and the time it is sent at differ when it is late."""
    chance, other = rng.random(), "good" if row.outcome == "bad" else "bad"

    def label(stamped_ms: int, sent_ms: int, value: str = row.outcome) -> Step:
        fields = {"prediction_id": identity, "label": value, "timestamp_ms": stamped_ms}
        return Step(sent_ms, "labels", model, fields=fields)

    due_ms = at_ms + row.delay_ms
    if chance < 0.08:
        return  # it never comes
    if chance < 0.10:
        yield label(at_ms - 5 * SECOND_MS, at_ms - 5 * SECOND_MS)  # early, within the clocks' skew
    elif chance < 0.11:
        yield label(at_ms - 15 * SECOND_MS, at_ms)  # too early to belong to it
    elif chance < 0.13:
        yield label(at_ms + HORIZON_MS + MINUTE_MS, at_ms + HORIZON_MS + MINUTE_MS)  # beyond the horizon
    elif chance < 0.17:
        yield label(due_ms, due_ms + int(rng.integers(12_000, 120_000)))  # late: for panes that were closed
    else:
        yield label(due_ms, due_ms + int(rng.integers(0, 3_000)))
    if chance > 0.97:
        yield label(due_ms + 1, due_ms + 20_000, other)  # corrected
    elif chance > 0.95:
        yield label(due_ms, due_ms + 5_000)  # the same once more
    elif chance > 0.94:
        fields = {"prediction_id": f"nothing-{identity}", "label": row.outcome, "timestamp_ms": due_ms}
        yield Step(due_ms, "labels", model, fields=fields)
