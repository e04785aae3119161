"""How finely latencies are kept: as finely as the windows that report them need, and never coarser than an hour."""

import math
from functools import lru_cache

from stream.model.compiled import CompiledModel
from stream.timeline.durations import MS_PER_UNIT
from stream.timeline.panes import EpochPanes
from stream.timeline.windows import WindowScheme

HOUR_MS = MS_PER_UNIT["h"]


@lru_cache(maxsize=256)  # asked for each final pane
def span_width_ms(compiled: CompiledModel) -> int:
    """Return a width of which every window of a model's service reports is made up; an hour for windows of days.

    A pane of ten seconds has a histogram of its own only where somebody asked for windows of a minute.
    """
    definition = compiled.definition
    named = {window for monitor in definition.monitors for window in getattr(monitor, "windows", ())}
    schemes = (WindowScheme(length, definition.timezone) for length in {*definition.windows, *named})
    panes = (scheme.pane_scheme for scheme in schemes)
    return math.gcd(HOUR_MS, *(pane.width_ms for pane in panes if isinstance(pane, EpochPanes)))
