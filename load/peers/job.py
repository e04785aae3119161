"""The job every contestant does, one event at a time: histograms, categories, latency, one ADWIN, a join, outcomes.

It is written as tightly as plain Python allows: fixed-width cells found by one multiplication, one profile a row (per
model, segment and ten seconds of event time; totals are sums of these), a dictionary for the join. It does less than
the worker: no validation, no dead letters, no duplicates, no watermarks, no reference, no drift of the 20 features, and
it holds nothing that would survive the process.
"""

from array import array
from collections.abc import MutableSequence
from math import log
from typing import Any, ClassVar

from river.drift import ADWIN

CELLS, LOWEST, PER_UNIT = 256, -4.0, 32.0
PER_LOG_UNIT = 50.0
PANE_MS = 10_000
TINY = 1e-15

Event = dict[str, Any]


class Profile:
    """Counts of one (model, segment, pane)."""

    EMPTY: ClassVar[MutableSequence[int]] = [0] * CELLS
    __slots__ = ("categories", "cells", "latencies", "missing", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.cells: dict[str, MutableSequence[int]] = {}
        self.categories: dict[str, dict[str, int]] = {}
        self.missing: dict[str, int] = {}
        self.latencies: dict[int, int] = {}

    def add(self, event: Event) -> None:
        """Count one prediction."""
        self.rows += 1
        cells, categories = self.cells, self.categories
        for name, value in event["features"].items():
            if type(value) is float:
                cell = int((value - LOWEST) * PER_UNIT)
                if cell < 0:
                    cell = 0
                elif cell >= CELLS:
                    cell = CELLS - 1
                try:
                    cells[name][cell] += 1
                except KeyError:
                    cells[name] = self.EMPTY[:]
                    cells[name][cell] += 1
            elif value is None:
                self.missing[name] = self.missing.get(name, 0) + 1
            else:
                counts = categories.get(name)
                if counts is None:
                    counts = categories[name] = {}
                counts[value] = counts.get(value, 0) + 1
        bucket = int(log(event["latency_ms"] + TINY) * PER_LOG_UNIT)
        self.latencies[bucket] = self.latencies.get(bucket, 0) + 1

    @property
    def state(self) -> tuple[Any, ...]:
        """Everything, for a store."""
        return (self.rows, self.cells, self.categories, self.missing, self.latencies)

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        self.rows, self.cells, self.categories, self.missing, self.latencies = state


class PackedProfile(Profile):
    """The same in arrays: slower to count in, ten times faster to store."""

    EMPTY: ClassVar[MutableSequence[int]] = array("I", bytes(4 * CELLS))
    __slots__ = ()


class Job:
    """State of the whole job, in memory."""

    def __init__(self, profile: type[Profile] = Profile) -> None:
        self._profile = profile
        self.profiles: dict[tuple[str, str, int], Profile] = {}
        self.adwin = ADWIN()
        self.drifts = 0
        self.waiting: dict[str, float] = {}
        self.early: dict[str, int] = {}
        self.predictions = self.labels = self.joined = 0
        self.log_loss = self.calibration = 0.0

    def prediction(self, event: Event) -> None:
        """Take one prediction in."""
        self.predictions += 1
        key = key_of(event)
        profile = self.profiles.get(key)
        if profile is None:
            profile = self.profiles[key] = self._profile()
        profile.add(event)
        score = event["prediction"]
        self.adwin.update(score)
        if self.adwin.drift_detected:
            self.drifts += 1
        identity = event["prediction_id"]
        if identity in self.early:
            self.outcome(score, self.early.pop(identity))
        else:
            self.waiting[identity] = score

    def label(self, event: Event) -> None:
        """Take one label in."""
        self.labels += 1
        identity = event["prediction_id"]
        score = self.waiting.pop(identity, None)
        if score is None:
            self.early[identity] = event["label"]
        else:
            self.outcome(score, event["label"])

    def outcome(self, score: float, label: int) -> None:
        """Count one outcome."""
        self.joined += 1
        self.log_loss -= log((score if label else 1 - score) + TINY)
        self.calibration += label - score


def key_of(event: Event) -> tuple[str, str, int]:
    """Model, segment value and pane of a prediction."""
    return (event["model"], event["segments"]["region"], event["timestamp_ms"] // PANE_MS)
