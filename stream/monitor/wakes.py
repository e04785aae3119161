"""When each model has next to be looked at: most messages make nothing due, and looking costs as much as counting."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from stream.model.compiled import CompiledModel
from stream.monitor.burn_rate import PAIRS
from stream.monitor.rules import Rules
from stream.monitor.schedule import FOREVER_MS, Family, Progress, next_windows
from stream.timeline.windows import WindowScheme

_BURN_PANES: Final = [WindowScheme(pair.short).pane_scheme for pair in PAIRS]
"""Burn rates begin and cease only where one of their short windows closes."""


class _Wake(NamedTuple):
    """The least watermarks at which a model may have something due, and the panes it had begun with by then."""

    predictions_ms: int
    outcomes_ms: int
    first_ms: dict[str, int]


class Wakes:
    """Models that sleep: nothing of them can become due before a watermark that is known.

    Not part of the state: a model that was never looked at is awake.
    """

    def __init__(self) -> None:
        self._wakes: dict[str, _Wake] = {}

    def asleep(self, model: str, progress: Progress, predictions_ms: int, outcomes_ms: int) -> bool:
        """Whether nothing of a model is due at these watermarks."""
        wake = self._wakes.get(model)
        return (
            wake is not None
            and predictions_ms < wake.predictions_ms
            and outcomes_ms < wake.outcomes_ms
            and progress.first_ms == wake.first_ms
        )

    def sleep(
        self, model: str, revisions: Sequence[tuple[CompiledModel, Rules]], progress: Progress, retention_ms: int
    ) -> None:
        """Let a model sleep until the next instant of each kind; everything due by now has been decided."""
        # Where no burn rate is watched now, one that is declared later begins here: no further back than a pane.
        predictions_ms = min(panes.end(progress.burned_ms) for panes in _BURN_PANES)
        outcomes_ms = FOREVER_MS
        for due in next_windows(revisions, progress, retention_ms):
            if due.family == Family.OUTCOME:
                outcomes_ms = min(outcomes_ms, due.instant_ms)
            else:
                predictions_ms = min(predictions_ms, due.instant_ms)
        self._wakes[model] = _Wake(predictions_ms, outcomes_ms, dict(progress.first_ms))

    def wake_all(self) -> None:
        """Look at every model again: other definitions or references are in force."""
        self._wakes.clear()
