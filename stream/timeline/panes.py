"""Panes: the disjoint slices of event time that a profile is kept by; windows are rolled up from them."""

import datetime as dt
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from stream.timeline.durations import DAY_MS, format_duration

Int64Array = NDArray[np.int64]

# Local midnights are tabulated in chunks of this many days, so that one wild timestamp costs one chunk, not a
# table that reaches from it to today.
_CHUNK_MS = 400 * DAY_MS
_MAX_CHUNKS = 256
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# `datetime` ends at the years 1 and 9999; beyond a margin of them days are taken as days of UTC.
_FIRST_MS = int((dt.datetime(3, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds()) * 1000
_LAST_MS = int((dt.datetime(9997, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds()) * 1000


class PaneScheme(Protocol):
    """Cuts event time into disjoint panes [start, end); equal schemes cut alike in every process."""

    def starts(self, timestamps_ms: Int64Array) -> Int64Array:
        """Return for each timestamp the start of its pane."""
        ...

    def start(self, timestamp_ms: int) -> int:
        """Return the start of the pane that holds `timestamp_ms`."""
        ...

    def end(self, start_ms: int) -> int:
        """Return the end (exclusive) of the pane that holds `start_ms`."""
        ...


@dataclass(frozen=True)
class EpochPanes:
    """Panes of `width_ms` milliseconds, counted from the UTC epoch."""

    width_ms: int

    def __str__(self) -> str:
        """Return the width as people write it."""
        return format_duration(self.width_ms)

    def starts(self, timestamps_ms: Int64Array) -> Int64Array:
        """Return for each timestamp the start of its pane; works before 1970 too."""
        return timestamps_ms // self.width_ms * self.width_ms

    def start(self, timestamp_ms: int) -> int:
        """Return the start of the pane that holds `timestamp_ms`."""
        return timestamp_ms // self.width_ms * self.width_ms

    def end(self, start_ms: int) -> int:
        """Return the end (exclusive) of the pane that holds `start_ms`."""
        return self.start(start_ms) + self.width_ms


@dataclass(frozen=True)
class LocalDayPanes:
    """Panes of one local day: from local midnight to the next, so some have 23 or 25 hours.

    A day begins at its first instant: where the clock skips midnight, at the moment of the change. A date that a
    zone skipped altogether (Samoa, 30 December 2011) has no pane. Outside the years 3 to 9996 days are those of UTC.

    Parameters
    ----------
    timezone
        IANA name, such as "America/New_York".

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        When first used, if the name is unknown.

    Notes
    -----
    Midnights are tabulated 400 days at a time on first use (about 0.5 ms and 3 kB). Equal schemes share the tables, of
    which 256 are kept: a scheme costs nothing to make.
    """

    timezone: str

    def __str__(self) -> str:
        """Return a name for messages."""
        return f"1d in {self.timezone}"

    def starts(self, timestamps_ms: Int64Array) -> Int64Array:
        """Return for each timestamp the local midnight at or before it."""
        if timestamps_ms.size == 0:
            return timestamps_ms.astype(np.int64)
        first, last = int(timestamps_ms.min()) // _CHUNK_MS, int(timestamps_ms.max()) // _CHUNK_MS
        if first == last:
            return _last_at_or_before(_tabulate(first, self.timezone), timestamps_ms)
        chunk_of_row = timestamps_ms // _CHUNK_MS
        starts = np.empty_like(timestamps_ms)
        for chunk in np.unique(chunk_of_row):
            rows = chunk_of_row == chunk
            starts[rows] = _last_at_or_before(_tabulate(int(chunk), self.timezone), timestamps_ms[rows])
        return starts

    def start(self, timestamp_ms: int) -> int:
        """Return the local midnight at or before `timestamp_ms`."""
        midnights = _tabulate(timestamp_ms // _CHUNK_MS, self.timezone)
        return int(midnights[np.searchsorted(midnights, timestamp_ms, side="right") - 1])

    def end(self, start_ms: int) -> int:
        """Return the first local midnight after `start_ms`."""
        midnights = _tabulate(start_ms // _CHUNK_MS, self.timezone)
        return int(midnights[np.searchsorted(midnights, start_ms, side="right")])


def _last_at_or_before(midnights: Int64Array, timestamps_ms: Int64Array) -> Int64Array:
    return midnights[np.searchsorted(midnights, timestamps_ms, side="right") - 1]


@lru_cache(maxsize=_MAX_CHUNKS)
def _tabulate(chunk: int, timezone: str) -> Int64Array:
    """Return every local midnight from two days before the chunk to three after it, without repeats; read-only."""
    midnights = _midnights(chunk, timezone)
    midnights.setflags(write=False)
    return midnights


def _midnights(chunk: int, timezone: str) -> Int64Array:
    days = np.arange(chunk * 400 - 2, (chunk + 1) * 400 + 4, dtype=np.int64)
    if not _FIRST_MS <= chunk * _CHUNK_MS < _LAST_MS - _CHUNK_MS:
        return days * DAY_MS
    zone = ZoneInfo(timezone)
    origin = _EPOCH.toordinal()
    midnights = [
        # Wall-clock arithmetic with fold=0: the earlier of two midnights, and the moment of change if there is none.
        int(dt.datetime.combine(dt.date.fromordinal(origin + int(day)), dt.time(), zone).timestamp()) * 1000
        for day in days
    ]
    return np.unique(np.array(midnights, dtype=np.int64))


@cache
def midnight_alignment_ms(timezone: str) -> int:
    """Return the widest pane, counted from the UTC epoch, that never straddles a local midnight of 2000 to 2037.

    One hour for most zones, 15 minutes for Kathmandu: panes of 10 minutes would straddle its midnight (18:15 UTC).
    Earlier offsets are not looked at: before the seventies some were odd by seconds. Remembered: it costs 2 ms, and a
    shard that is taken over compiles every model.
    """
    zone = ZoneInfo(timezone)
    noon = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)
    offsets = [(noon + dt.timedelta(days=days)).astimezone(zone).utcoffset() for days in range(0, 13_870, 10)]
    seconds = [int(offset.total_seconds()) for offset in offsets if offset is not None]
    return int(np.gcd.reduce(np.array([3_600, *seconds], dtype=np.int64))) * 1000
