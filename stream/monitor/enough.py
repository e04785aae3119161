"""Whether blocks are enough to judge by: a model that does not run every day needs more time for them."""

from collections.abc import Collection
from itertools import islice

import msgspec
import numpy as np

from detectors.blocks import MIN_CALIBRATED_DF
from stream.model.compiled import CompiledModel
from stream.monitor.panes import Panes
from stream.monitor.schedule import FOREVER_MS
from stream.monitor.streams import ALL_ROWS
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Window
from tidegauge.profiles import Profile

LEAST_BLOCKS = 10
"""Blocks of the shortest window a learnt reference must hold: eight to be calibrated, ten times the window's rows."""


def enough_ms(panes: Panes, compiled: CompiledModel, window: Window, span_ms: int) -> int:
    """Return by when the blocks with rows of a window are a yardstick; FOREVER_MS: not within it, as far as is known.

    Those of each length that a daily model's blocks of `span_ms` would be enough for.
    """
    schemes = [scheme for scheme in compiled.windows["inputs"] if LEAST_BLOCKS * scheme.length_ms <= span_ms]
    return max((_enough_ms(panes, compiled, scheme, window) for scheme in schemes), default=window.start_ms)


def enough_left(compiled: CompiledModel, window: Window, profiles: Collection[Profile]) -> bool:
    """Whether the blocks with rows calibrate windows of every length that all of `window` would calibrate."""
    starts = sorted({p.pane_start_ms for p in profiles if p.part == "inputs" and p.segment == ALL_ROWS})
    for scheme in compiled.windows["inputs"]:
        blocks = scheme.blocks(window.start_ms, window.end_ms)
        phases = np.array([scheme.phase(block.end_ms, compiled.season) for block in blocks], dtype=np.int64)
        bounds = np.searchsorted(starts, [[block.start_ms, block.end_ms] for block in blocks]).reshape(-1, 2)
        left = phases[bounds[:, 0] < bounds[:, 1]]
        if len(phases) - len(set(phases)) >= MIN_CALIBRATED_DF > len(left) - len(set(left)):
            return False
    return True


def _enough_ms(panes: Panes, compiled: CompiledModel, scheme: WindowScheme, window: Window) -> int:
    streams = [stream for stream in panes.streams(compiled.model, "inputs") if stream.segment == ALL_ROWS]
    phases: list[int] = []
    rest = window
    while len(phases) - len(set(phases)) < MIN_CALIBRATED_DF:
        starts = (key.pane_start_ms for s in streams for key in islice(panes.within(s, "inputs", rest), 1))
        first_ms = min(starts, default=None)
        if first_ms is None:
            return FOREVER_MS
        rest = msgspec.structs.replace(rest, start_ms=_block_end(scheme, rest.start_ms, first_ms))
        phases.append(scheme.phase(rest.start_ms, compiled.season))
    return rest.start_ms


def _block_end(scheme: WindowScheme, opens_ms: int, at_ms: int) -> int:
    """Return the end of the block that holds an instant; blocks of many days follow each other from `opens_ms` on."""
    if scheme.whole_days <= 1:
        return scheme.block_scheme.end(at_ms)
    while opens_ms <= at_ms:
        for _ in range(scheme.whole_days):
            opens_ms = scheme.block_scheme.end(opens_ms)
    return opens_ms
