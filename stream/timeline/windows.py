"""Windows: the overlapping stretches of event time that are judged, and the disjoint blocks of a reference."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from stream.timeline.durations import DAY_MS, parse_duration
from stream.timeline.panes import EpochPanes, LocalDayPanes, PaneScheme
from tidegauge.alerts import Window

# A pane costs a profile per segment, a checkpoint and a message: below this no decision gets better.
MIN_HOP_MS = 10_000
_HOPS_PER_WINDOW = 6
_HOURS_PER_DAY = 24
_DAYS_PER_WEEK = 7
_HOUR_MS = DAY_MS // _HOURS_PER_DAY
_FIRST_WEEKDAY = 3
"""Weekday of 1 January 1970."""

Season = Literal["1d", "1w"]


@dataclass(frozen=True)
class WindowScheme:
    """Every window of one length: when each opens and closes, and which phase of a season it belongs to.

    A length of whole days follows the calendar of `timezone`: such windows hop one local day and close at local
    midnight. A shorter one must divide a day, hops a sixth of its length (never below 10 s) and is counted from the
    UTC epoch.

    Parameters
    ----------
    length
        Duration as people write it: "10m", "1h", "1d", "7d".
    timezone
        IANA name; fixes days, weekdays and hours of the day.

    Raises
    ------
    ValueError
        If the length is no duration, is below 10 s, does not divide a day, or is longer than a day without being
        whole days.

    Examples
    --------
    >>> [w.end_ms for w in WindowScheme("1h").closes(0, 1_800_000)]
    [600000, 1200000, 1800000]
    """

    length: str
    timezone: str = "UTC"
    length_ms: int = field(init=False, compare=False)
    pane_scheme: PaneScheme = field(init=False, compare=False)
    _days: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the length and derive the hop."""
        length_ms = parse_duration(self.length)
        days, rest = divmod(length_ms, DAY_MS)
        object.__setattr__(self, "length_ms", length_ms)
        if length_ms and rest == 0:
            object.__setattr__(self, "_days", days)
            object.__setattr__(self, "pane_scheme", LocalDayPanes(self.timezone))
            return
        object.__setattr__(self, "_days", 0)
        object.__setattr__(self, "pane_scheme", EpochPanes(_hop_ms(self.length, length_ms)))

    @property
    def name(self) -> str:
        """The length as it was written: the window's name in reports and alerts."""
        return self.length

    @property
    def whole_days(self) -> int:
        """Number of local days, 0 for windows shorter than a day."""
        return self._days

    @property
    def block_scheme(self) -> PaneScheme:
        """The widest panes that every disjoint block of this length is a union of: days, or the length itself."""
        return self.pane_scheme if self._days else EpochPanes(self.length_ms)

    def window(self, end_ms: int) -> Window:
        """Return the window that closes at `end_ms`, which must be one of its closing instants."""
        start_ms = end_ms - self.length_ms
        if self._days:
            start_ms = end_ms
            for _ in range(self._days):
                start_ms = self.pane_scheme.start(start_ms - 1)
        return Window(length=self.length, start_ms=start_ms, end_ms=end_ms)

    def next_close(self, after_ms: int) -> int:
        """Return the first instant after `after_ms` (exclusive) at which a window closes."""
        return self.pane_scheme.end(after_ms)

    def closes(self, after_ms: int, upto_ms: int) -> list[Window]:
        """Return the windows that end in (after_ms, upto_ms], in order; as many as there are hops between the two."""
        windows = []
        end_ms = self.next_close(after_ms)
        while end_ms <= upto_ms:
            windows.append(self.window(end_ms))
            end_ms = self.next_close(end_ms)
        return windows

    def blocks(self, start_ms: int, end_ms: int) -> list[Window]:
        """Return disjoint windows inside [start_ms, end_ms), from the first possible instant on."""
        blocks: list[Window] = []
        opens = self.block_scheme.start(start_ms)
        if opens < start_ms:
            opens = self.block_scheme.end(opens)
        while True:
            closes = opens
            for _ in range(max(self._days, 1)):
                closes = self.block_scheme.end(closes)
            if closes > end_ms:
                return blocks
            blocks.append(Window(length=self.length, start_ms=opens, end_ms=closes))
            opens = closes

    def phases(self, season: Season | None) -> int:
        """Return how many phases a season has for windows of this length; 1 without a season, and for whole seasons."""
        if season is None:
            return 1
        if self._days:
            return 1 if season == "1d" or self._days % _DAYS_PER_WEEK == 0 else _DAYS_PER_WEEK
        per_day = min(_HOURS_PER_DAY, DAY_MS // self.length_ms)
        return per_day if season == "1d" else _DAYS_PER_WEEK * per_day

    def phase(self, end_ms: int, season: Season | None) -> int:
        """Return the phase of the window that closes at `end_ms`: that of the block it ends in.

        In season "1w" the weekday of its last day (Monday is 0), for windows up to an hour the local hour of the week
        (0 to 167), for longer ones the block of the week; in season "1d" the hour or block of the day, for whole days
        always 0; without a season 0. Blocks are counted in UTC, as their bounds are: by the clock, summer time would
        make a night of an evening that ends an hour later.
        """
        phases = self.phases(season)
        if phases == 1:
            return 0
        if not self._days and self.length_ms > _HOUR_MS:
            return ((end_ms - 1) // self.length_ms + _FIRST_WEEKDAY * (DAY_MS // self.length_ms)) % phases
        last_ms = (end_ms if self._days else self.block_scheme.end(end_ms - 1)) - 1
        last = dt.datetime.fromtimestamp(last_ms / 1000, tz=ZoneInfo(self.timezone))
        hour = last.weekday() if self._days else last.weekday() * _HOURS_PER_DAY + last.hour
        return hour % phases

    def fits_phase(self, end_ms: int, season: Season | None) -> bool:
        """Whether the window that closes at `end_ms` holds the hours of its phase, and not those of two.

        One of six hours that closes at seven is like neither the night's blocks nor the morning's. Up to an hour the
        difference is no more than phases tell anyway.
        """
        several_hours = not self._days and self.length_ms > _HOUR_MS
        return not several_hours or self.phases(season) == 1 or end_ms % self.length_ms == 0


def _hop_ms(length: str, length_ms: int) -> int:
    if length_ms > DAY_MS:
        raise ValueError(f"window {length!r} is longer than a day but not whole days: expected 1d, 2d, 7d and so on")
    if length_ms < MIN_HOP_MS or DAY_MS % length_ms:
        raise ValueError(f"window {length!r} must be at least 10s and divide a day evenly: 1m, 10m, 1h, 6h and so on")
    return next(
        length_ms // hops
        for hops in range(_HOPS_PER_WINDOW, 0, -1)
        if length_ms % hops == 0 and length_ms // hops >= MIN_HOP_MS
    )
