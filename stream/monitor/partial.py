"""Versions that were there for a part of a window only: another took over from them, or they from another."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from stream.monitor.service_ledger import END, ROWS, START, Counters, ServiceLedger
from stream.monitor.streams import ALL_ROWS
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Window

NOTE: Final = "there for a part of the window only, while other versions went on: not judged"

_MOST = 0.1
"""Part of a window's rows that may go to other versions before a version's first pane and after its last."""

_NOTED = 0.05
"""Part that is noted: a version that misses a tenth every day misses a little less on some."""


class Missed(NamedTuple):
    """Parts of a window's rows that went to other versions before a version's first pane, and after its last."""

    before: float
    after: float


def missed_by(service: ServiceLedger, model: str, window: Window, least_rows: int) -> dict[str, Missed]:
    """Return what versions missed that came into a window late, or left it early, while others of the model went on.

    Rows are counted, not hours: at night all versions are silent. Those with fewer than `least_rows` rows are not
    asked: chance decides when they come.
    """
    streams = [stream for stream in service.streams(model) if stream.segment == ALL_ROWS]
    if len(streams) < 2:
        return {}
    panes = {stream.version: service.inside(stream, window) for stream in streams}
    every = np.concatenate(list(panes.values()))
    asked = {version: own for version, own in panes.items() if own[:, ROWS].sum() >= max(1, least_rows)}
    found = {version: _missed(every, own) for version, own in asked.items()}
    return {version: missed for version, missed in found.items() if sum(missed) > _NOTED}


def partial_versions(missed: Mapping[str, Missed], day_before: Mapping[str, Missed], scheme: WindowScheme) -> list[str]:
    """Return the versions that came or left, by what they missed in a window, and in the one that closed a day before.

    Half a day against whole ones shows what follows the clock, and no drift. But a version that misses the same every
    day (one that scores the day's rows in an hour of the night) has not come, and does not leave: else it would never
    be judged.
    """
    return [
        version
        for version, one in missed.items()
        if sum(one) > _MOST and not (version in day_before and _alike(one, day_before[version], scheme))
    ]


def day_before_ms(scheme: WindowScheme, end_ms: int) -> int:
    """Return when the window closed that lies a day before another: a local day for windows of days."""
    return scheme.pane_scheme.start(end_ms - 1) if scheme.whole_days else end_ms - DAY_MS


def _alike(one: Missed, other: Missed, scheme: WindowScheme) -> bool:
    """Whether both ends differ by a tenth at most; of many days by half a day, for who has left misses another day."""
    most = min(_MOST, 0.5 / max(1, scheme.whole_days))
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


def _missed(every: Counters, own: Counters) -> Missed:
    rows = int(every[:, ROWS].sum())
    ends = every[:, END] <= own[0, START], every[:, START] >= own[-1, END]
    before, after = (round(int(every[end, ROWS].sum()) / rows, 6) for end in ends)
    return Missed(before, after)
