"""Does something grow? Slopes of what was sampled, against limits; pure functions of the samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from load.soak.sample import Sample

MB = 1e6
TROUGH_SECONDS = 60.0
"""Of each minute the lowest value counts: memory goes up and down as runs of the join log are merged and its buckets
expire, and a worker that stands in for another holds twice as much. What leaks does not come down again."""

JUDGED_SECONDS = 600.0
"""Below ten minutes a slope says nothing: what the allocator does in a minute would be hundreds of MB an hour."""

SETTLED_SECONDS = 600.0
"""From then on Redis' data are judged: all that expires has begun to."""

Floats = NDArray[np.float64]
Outcome = Literal["ok", "grows", "too short"]


@dataclass(frozen=True)
class Limit:
    """What may grow by how much.

    Parameters
    ----------
    per_hour
        Slope beyond which a series grows.
    noise
        Growth over the judged stretch that is nothing, whatever the slope: the amplitude of the usual up and down.
    scale, unit
        How figures are shown.
    """

    per_hour: float
    noise: float
    scale: float
    unit: str


LIMITS = {
    "resident memory": Limit(24 * MB, 8 * MB, MB, "MB"),
    "open files": Limit(6, 3, 1, "files"),
    "Redis keys": Limit(20, 10, 1, "keys"),
    "Redis data": Limit(16 * MB, 4 * MB, MB, "MB"),
}


@dataclass(frozen=True)
class Series:
    """One measure of one subject over its lifetime; times in seconds.

    It is judged from its half on, or once `settled_seconds` have passed, if that is sooner.
    """

    subject: str
    measure: str
    at_seconds: Sequence[float]
    values: Sequence[float]
    settled_seconds: float = inf


@dataclass(frozen=True)
class Trend:
    """The slope of a series once it has settled, and what that means."""

    subject: str
    measure: str
    judged_seconds: float
    level: float
    per_hour: float
    outcome: Outcome

    def __str__(self) -> str:
        """Return it in a line."""
        limit = LIMITS[self.measure]
        level, slope, most = (value / limit.scale for value in (self.level, self.per_hour, limit.per_hour))
        text = f"{self.subject}: {self.measure} {level:,.1f} {limit.unit}, {slope:+,.1f} {limit.unit}/h"
        return f"{text} over {self.judged_seconds / 60:.0f} min (limit {most:g}): {self.outcome}"


def series_of(samples: Sequence[Sample]) -> Iterator[Series]:
    """Yield memory and files of each worker process, keys and data of Redis.

    What leaks in Redis outlives its process, while the room it keeps for appending does not: after each start the data
    need a quarter of an hour to be what they were, give or take a twentieth. So they are judged over the whole run.
    """
    lifetimes: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    for sample in samples:
        for look in sample.workers:
            seen = lifetimes.setdefault((look.worker, look.pid), [])
            seen.append((sample.at_seconds, look.rss_bytes, look.open_files))
    for (worker, _), seen in lifetimes.items():
        at, memory, files = zip(*seen, strict=True)
        yield Series(f"worker {worker}", "resident memory", at, memory)
        yield Series(f"worker {worker}", "open files", at, files)
    stores = [(sample.at_seconds, sample.store) for sample in samples if sample.store is not None]
    if stores:
        at = tuple(moment for moment, _ in stores)
        yield Series("Redis", "Redis keys", at, [store.keys for _, store in stores])
        yield Series("Redis", "Redis data", at, [store.dataset_bytes for _, store in stores], SETTLED_SECONDS)


def judge(series: Series) -> Trend:
    """Judge the second half of a lifetime, or what came once it had settled.

    By the median of all pairs' slopes (Theil-Sen) of its minutes' troughs: up to 29 % of them may be anything, such as
    those around a fault, without moving it far.
    """
    at, values = np.asarray(series.at_seconds), np.asarray(series.values, dtype=float)
    late = at >= at[0] + min((at[-1] - at[0]) / 2, series.settled_seconds)
    judged = float(at[late][-1] - at[late][0])
    at, values = troughs(at[late], values[late])
    per_second = float(theilslopes(values, at).slope) if len(at) > 1 else 0.0
    level = float(np.median(values))
    return Trend(series.subject, series.measure, judged, level, per_second * 3600, _outcome(series, judged, per_second))


def troughs(at: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the lowest value of each minute, and when it was."""
    minutes = ((at - at[0]) // TROUGH_SECONDS).astype(int)
    inside = [np.flatnonzero(minutes == minute) for minute in np.unique(minutes)]
    lowest = [int(places[values[places].argmin()]) for places in inside]
    return at[lowest], values[lowest]


def _outcome(series: Series, judged_seconds: float, per_second: float) -> Outcome:
    if judged_seconds < JUDGED_SECONDS:
        return "too short"
    limit = LIMITS[series.measure]
    grows = per_second * 3600 > limit.per_hour and per_second * judged_seconds > limit.noise
    return "grows" if grows else "ok"
