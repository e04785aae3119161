"""The service of the demo: a prediction when the model was asked, a label when the plane landed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stream.demo.files import label_of
from stream.demo.flights import Flights
from stream.demo.lag import LagMeter
from stream.demo.timetable import GATE, LANDED, PLANNER, Timetable
from tidegauge import Recorder

SLICE_MS = 6 * 3_600_000
# 3 MB of an embedded partition's 5, at the 600 bytes of a demo event.
MAX_UNREAD_MESSAGES = 4_000
VERSION = "2013.1"


@dataclass
class Progress:
    """How far the replay is: read by the screen, written by the replay alone."""

    events: int = 0
    predictions: int = 0
    labels: int = 0
    now_ms: int = 0
    unread: int = 0
    started_seconds: float = 0.0


@dataclass(frozen=True)
class Service:
    """A model in service: its rows of features, its scores and how to publish them."""

    recorder: Recorder
    rows: list[dict[str, Any]]
    score: Callable[[int], float]

    def predict(self, flights: Flights, row: int, timestamp_ms: int) -> None:
        """Ask the model about one flight, and record what it said and how long it took."""
        features = self.rows[row]
        start = time.perf_counter()
        score = self.score(row)
        latency_ms = (time.perf_counter() - start) * 1e3
        self.recorder.log(
            prediction_id=flights.ids[row],
            features=features,
            prediction=score,
            latency_ms=latency_ms,
            segments={"origin": features["origin"]},
            timestamp_ms=timestamp_ms,
        )


@dataclass
class Replay:
    """Plays the timetable as fast as the workers follow."""

    flights: Flights
    table: Timetable
    planner: Service
    gate: Service
    meter: LagMeter
    stop: Callable[[], bool]
    progress: Progress = field(default_factory=Progress)

    def run(self) -> None:
        """Publish every event, then one watermark beyond everything so that every window closes."""
        self.progress.started_seconds = time.monotonic()
        for part in self.table.slices(SLICE_MS):
            if self.stop():
                return
            self._publish(part)
            self._flush()
            self.progress.unread = self.meter.wait_below(MAX_UNREAD_MESSAGES // 2, stop=self.stop)

    def finish(self, watermark_ms: int) -> None:
        """Say that nothing older than `watermark_ms` will come, and wait until all was read."""
        self.planner.recorder.watermark(watermark_ms)
        self._flush()
        self.meter.wait_below(0, stop=self.stop)

    def _flush(self) -> None:
        self.planner.recorder.flush(30.0)
        self.gate.recorder.flush(30.0)

    def _publish(self, part: slice) -> None:
        rows, kinds = self.table.rows[part].tolist(), self.table.kinds[part].tolist()
        for row, kind, time_ms in zip(rows, kinds, self.table.times_ms[part].tolist(), strict=True):
            if kind == PLANNER:
                self.planner.predict(self.flights, row, time_ms)
            elif kind == GATE:
                self.gate.predict(self.flights, row, time_ms)
            elif kind == LANDED:
                label = label_of(self.flights.late[row])
                self.planner.recorder.label(self.flights.ids[row], label, timestamp_ms=time_ms)
                self.gate.recorder.label(self.flights.ids[row], label, timestamp_ms=time_ms)
        self._count(np.asarray(kinds), int(self.table.times_ms[part.stop - 1]))

    def _count(self, kinds: "np.ndarray[Any, Any]", now_ms: int) -> None:
        labels = 2 * int(np.count_nonzero(kinds == LANDED))
        predictions = int(np.count_nonzero(kinds != LANDED))
        self.progress.labels += labels
        self.progress.predictions += predictions
        self.progress.events += labels + predictions
        self.progress.now_ms = now_ms
