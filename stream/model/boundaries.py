"""Where a model may go over from one revision to another."""

from collections.abc import Sequence
from typing import Final

from stream.model.compiled import CompiledModel
from stream.timeline.durations import DAY_MS

_FURTHEST_MS: Final = 9 * DAY_MS
"""Panes of one timezone meet at every midnight, those of weeks after seven."""


def common_boundary(instant_ms: int, models: Sequence[CompiledModel]) -> int:
    """Return the first instant from `instant_ms` on at which panes of all the models begin.

    Days of two timezones never meet: then it is the first boundary of the last model, the newest. A pane of the one
    before ends there, with fewer rows than it might have; no pane of the newest holds rows of another.
    """
    found = instant_ms
    while models and (later := max(model.next_boundary(found) for model in models)) > found:
        found = later
        if found > instant_ms + _FURTHEST_MS:
            return models[-1].next_boundary(instant_ms)
    return found
