"""What windows of several hours held in the reference, by when in the season they close."""

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from detectors.blocks import BlockReference
from detectors.shares import Floats
from stream.monitor.reference_index import ReferenceIndex
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import Season, WindowScheme
from tidegauge.alerts import Window

_DAYS: Final = {"1d": 1, "1w": 7}


class TrafficSlots:
    """Rows of the reference's windows, those between two blocks too, each compared with those of its own hours.

    Windows of several hours close more often than their blocks. One that closes between two blocks holds other hours
    than either, and far more or fewer rows: it is compared with windows that closed at the same time on other days.

    Parameters
    ----------
    index
        The reference; its blocks must cover some time.
    scheme
        Windows longer than an hour, and shorter than a day.
    segment, season
        Whose rows, and after what time they come again.

    Notes
    -----
    A window's slot is counted in window lengths of local time from the reference's first one, to the nearest: where
    summer time moves the closing instants, a window is compared with the hours that are nearest to its own.
    """

    def __init__(self, index: ReferenceIndex, scheme: WindowScheme, segment: str, season: Season) -> None:
        blocks = index.blocks(scheme)
        self._scheme, self._first_ms = scheme, blocks[0].start_ms
        self._slots = _DAYS[season] * DAY_MS // scheme.length_ms
        hops = _hops(scheme, blocks[0].start_ms, blocks[-1].end_ms)
        self._hop_ms, hops_per_block = hops[0].end_ms - hops[0].start_ms, len(hops) // len(blocks)
        by_hop = known_rows(index, segment, hops)
        rows = np.lib.stride_tricks.sliding_window_view(by_hop, hops_per_block).sum(axis=1)
        by_block = known_rows(index, segment, blocks)
        if not np.array_equal(rows[::hops_per_block], by_block, equal_nan=True):  # panes wider than a hop
            rows[:] = np.nan
            rows[::hops_per_block] = by_block
        ends_ms = self._first_ms + scheme.length_ms + self._hop_ms * np.arange(len(rows))
        slots = np.array([self._slot(end_ms) for end_ms in ends_ms.tolist()], dtype=np.int64)
        self._references = [
            BlockReference(rows[hop::hops_per_block], phases=slots[hop::hops_per_block])
            for hop in range(hops_per_block)
        ]

    @property
    def blocks(self) -> BlockReference:
        """The windows that are blocks."""
        return self._references[0]

    def at(self, end_ms: int) -> tuple[BlockReference, int]:
        """Return what a window that closes at `end_ms` is compared with, and its phase there."""
        hop = (end_ms - self._first_ms) % self._scheme.length_ms // self._hop_ms
        return self._references[hop], self._slot(end_ms)

    def _slot(self, end_ms: int) -> int:
        # The distance from the first window of the same reference: whole windows, but for the hour of summer time.
        first_ms = self._first_ms + (end_ms - self._first_ms) % self._scheme.length_ms
        apart_ms = self._local_ms(end_ms) - self._local_ms(first_ms)
        return (2 * apart_ms + self._scheme.length_ms) // (2 * self._scheme.length_ms) % self._slots

    def _local_ms(self, end_ms: int) -> int:
        """Return what the clock shows at an instant, as milliseconds."""
        local = dt.datetime.fromtimestamp(end_ms / 1000, tz=ZoneInfo(self._scheme.timezone))
        offset = local.utcoffset() or dt.timedelta()
        return end_ms + offset // dt.timedelta(milliseconds=1)


def known_rows(index: ReferenceIndex, segment: str, windows: Sequence[Window]) -> Floats:
    """Return float64[windows]: predictions; NaN where they are not known, or some of them were left out."""
    rows = index.rows(segment, windows).astype(np.float64)
    # Windows without any row are of another layout, or of no such segment: not known, which is not none.
    rows[index.left_out(segment, windows) if rows.any() else slice(None)] = np.nan
    return rows


def _hops(scheme: WindowScheme, start_ms: int, end_ms: int) -> list[Window]:
    """Cut [start_ms, end_ms) into the scheme's panes."""
    bounds = [start_ms]
    while bounds[-1] < end_ms:
        bounds.append(scheme.next_close(bounds[-1]))
    return [Window(length=scheme.length, start_ms=opens, end_ms=closes) for opens, closes in pairwise(bounds)]
