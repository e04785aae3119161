"""Versions that were there for a part of a window only: another took over from them, or they from another."""

import numpy as np

from stream.monitor.service_ledger import END, ROWS, START, Counters, ServiceLedger
from stream.monitor.streams import ALL_ROWS
from tidegauge.alerts import Window

_MISSED = 0.1
"""Part of a window's rows that may go to other versions before a version's first pane and after its last."""


def partial_versions(service: ServiceLedger, model: str, window: Window, least_rows: int) -> list[str]:
    """Return the versions that came into a window late, or left it early, while others of the model went on.

    Half a day against whole ones shows what follows the clock, and no drift. Rows are counted, not hours: at night all
    versions are silent. Those with fewer than `least_rows` rows are not asked: chance decides when they come.
    """
    streams = [stream for stream in service.streams(model) if stream.segment == ALL_ROWS]
    if len(streams) < 2:
        return []
    panes = {stream.version: service.inside(stream, window) for stream in streams}
    every = np.concatenate(list(panes.values()))
    most = _MISSED * every[:, ROWS].sum()
    return [
        version
        for version, own in panes.items()
        if own[:, ROWS].sum() >= max(1, least_rows) and _missed(every, own) > most
    ]


def _missed(every: Counters, own: Counters) -> int:
    before, after = every[:, END] <= own[0, START], every[:, START] >= own[-1, END]
    return int(every[before | after, ROWS].sum())
