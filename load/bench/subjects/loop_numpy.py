"""The same loop by somebody who knows NumPy: a micro-batch at a time, cells counted by bincount, no durability.

Features are taken by position, so it holds only while every event has the same ones in the same order.
"""

import gc
from collections import Counter
from itertools import groupby
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from load.bench.subjects.reading import batches
from load.peers.job import CELLS, LOWEST, PANE_MS, PER_LOG_UNIT, PER_UNIT, TINY, Job
from load.peers.meter import Meter, Task

Event = dict[str, Any]
Key = tuple[str, str, int]


class BatchJob(Job):
    """The job, a batch at a time."""

    def __init__(self, numeric: int) -> None:
        super().__init__()
        self.numeric = numeric
        self.cells: dict[Key, NDArray[np.int64]] = {}
        self.names: dict[Key, Counter[str]] = {}
        self.slow: dict[Key, Counter[int]] = {}

    def batch(self, events: list[Event]) -> None:
        """Take predictions in."""
        keyed = sorted(
            ((e["model"], e["segments"]["region"], e["timestamp_ms"] // PANE_MS), i) for i, e in enumerate(events)
        )
        for key, group in groupby(keyed, key=lambda pair: pair[0]):
            self._profile_rows(key, [events[i] for _, i in group])
        for event in events:
            self._outcome_of(event)
        self.predictions += len(events)

    def _profile_rows(self, key: Key, rows: list[Event]) -> None:
        values = [list(row["features"].values()) for row in rows]
        numbers = np.array([row[: self.numeric] for row in values], dtype=np.float64)
        cells = np.clip((numbers - LOWEST) * PER_UNIT, 0, CELLS - 1)
        flat = np.where(np.isnan(cells), CELLS, cells).astype(np.int64)  # the last cell counts what is missing
        flat += np.arange(self.numeric) * (CELLS + 1)
        counts = np.bincount(flat.ravel(), minlength=self.numeric * (CELLS + 1))
        self.cells[key] = self.cells[key] + counts if key in self.cells else counts
        names = self.names.setdefault(key, Counter())
        for column, texts in enumerate(zip(*(row[self.numeric :] for row in values), strict=True)):
            for text, count in Counter(texts).items():
                names[f"{column}/{text}"] += count
        latencies = np.log(np.array([row["latency_ms"] for row in rows]) + TINY) * PER_LOG_UNIT
        buckets, count = np.unique(latencies.astype(np.int64), return_counts=True)
        slow = self.slow.setdefault(key, Counter())
        slow.update(dict(zip(buckets.tolist(), count.tolist(), strict=True)))

    def _outcome_of(self, event: Event) -> None:
        score, identity = event["prediction"], event["prediction_id"]
        self.adwin.update(score)
        if identity in self.early:
            self.outcome(score, self.early.pop(identity))
        else:
            self.waiting[identity] = score


def main() -> None:
    """Measure and write it down."""
    task, meter = Task.given(), Meter()
    job = BatchJob(int(task.extra["numeric"]))
    gc.disable()
    loads = orjson.loads
    for batch in batches(task, meter):
        events: list[Event] = []
        for message in batch:
            event = loads(message.value() or b"")
            if message.topic() == task.predictions_topic:
                events.append(event)
            else:
                job.label(event)
        if events:
            job.batch(events)
    meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)


if __name__ == "__main__":
    main()
