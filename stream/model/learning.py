"""When a model without grids gets them: one rule for the monitor, which makes them, and for shards that wait."""

from stream.model.compiled import CompiledModel
from stream.timeline.durations import DAY_MS
from stream.timeline.panes import LocalDayPanes

_GRACE = 0.1
"""Part of a day that may pass before its first event: traffic seldom begins with the day."""


def sample_end_ms(compiled: CompiledModel, first_ms: int) -> int:
    """Return the end of the first whole local day, for a model whose first event came at `first_ms`."""
    days = LocalDayPanes(compiled.definition.timezone)
    begin_ms = days.start(first_ms)
    end_ms = days.end(begin_ms)
    return end_ms if first_ms - begin_ms <= _GRACE * DAY_MS else days.end(end_ms)


def learnt_from_ms(compiled: CompiledModel, end_ms: int) -> int:
    """Return the instant from which grids hold whose sample ended at the midnight `end_ms`: a day later."""
    return compiled.next_boundary(LocalDayPanes(compiled.definition.timezone).end(end_ms))
