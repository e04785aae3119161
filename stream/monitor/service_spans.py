"""How finely latencies are kept: as finely as the windows that report them need, and seldom coarser than an hour."""

import math
from functools import lru_cache

from stream.model.compiled import CompiledModel
from stream.timeline.durations import MS_PER_UNIT
from stream.timeline.panes import EpochPanes, LocalDayPanes, PaneScheme
from stream.timeline.windows import WindowScheme

HOUR_MS = MS_PER_UNIT["h"]


@lru_cache(maxsize=256)  # asked for each final pane
def span_panes(compiled: CompiledModel) -> PaneScheme:
    """Return the spans of which every window of a model's service reports is made up.

    A pane of ten seconds has a histogram of its own only where somebody asked for windows of a minute. Where nothing
    reads less than a day a span is a day; burn rates want panes by the minute, and a span is stored anew with each.
    """
    definition = compiled.definition
    named = {window for monitor in definition.monitors for window in getattr(monitor, "windows", ())}
    schemes = [WindowScheme(length, definition.timezone) for length in {*definition.windows, *named}]
    if all(scheme.whole_days for scheme in (*schemes, *compiled.windows["service"])):
        return LocalDayPanes(definition.timezone)
    panes = (scheme.pane_scheme for scheme in schemes)
    return EpochPanes(math.gcd(HOUR_MS, *(pane.width_ms for pane in panes if isinstance(pane, EpochPanes))))
