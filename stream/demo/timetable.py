"""The year as one sequence of events in order of event time: what was predicted, departed, landed, and when."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stream.demo.flights import Flights
from stream.demo.models import FEATURES

PLANNER, GATE, LANDED = 0, 1, 2
WATCHED_FROM_MONTH = 3

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Timetable:
    """Events sorted by time: `kind` (PLANNER, GATE, LANDED) and the flight's row."""

    times_ms: Ints
    kinds: Ints
    rows: Ints

    def __len__(self) -> int:
        return len(self.times_ms)

    def slices(self, width_ms: int) -> Iterator[slice]:
        """Consecutive runs of events, each `width_ms` of event time long."""
        first = int(self.times_ms[0])
        bounds = np.arange(first, int(self.times_ms[-1]) + 2 * width_ms, width_ms)
        edges = np.searchsorted(self.times_ms, bounds)
        for start, stop in itertools.pairwise(edges):
            if stop > start:
                yield slice(int(start), int(stop))


def timetable(flights: Flights) -> Timetable:
    """Every event of the watched months, in order of event time (ties: prediction before outcome)."""
    watched = np.flatnonzero(flights.month >= WATCHED_FROM_MONTH)
    departed = watched[flights.departed_ms[watched] >= 0]
    landed = departed[~np.isnan(flights.late[departed])]
    times = np.concatenate([
        flights.scheduled_ms[watched], flights.departed_ms[departed], flights.landed_ms[landed]
    ])  # fmt: skip
    kinds = np.repeat([PLANNER, GATE, LANDED], [len(watched), len(departed), len(landed)])
    rows = np.concatenate([watched, departed, landed])
    order = np.lexsort((rows, kinds, times))
    return Timetable(times[order], kinds[order], rows[order])


def feature_rows(flights: Flights, name: str) -> list[dict[str, Any]]:
    """Return the features of every flight as a service would hold them: plain dictionaries, missing values None."""
    columns = {feature: _plain(flights.frame[feature]) for feature in FEATURES[name]}
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(column: Any) -> list[Any]:
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
