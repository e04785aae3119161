"""Detectors of versions and segments that are gone: they would stand in every snapshot for ever."""

from collections.abc import Sequence

from stream.monitor.judges import Judges
from stream.monitor.learn import reach_of
from stream.monitor.memory import IDLE_MS
from stream.monitor.pruning import PANES, kept_ms
from stream.monitor.state import MonitorState
from stream.monitor.streams import Stream
from tidegauge.alerts import KINDS


def forget_gone(state: MonitorState, judges: Judges, models: Sequence[str]) -> None:
    """Drop the detectors of models' versions and segments of which nothing is left, and nothing was decided for long.

    So long that a window of theirs that may still come would find them idle, and begin anew in any case.
    """
    marks = state.watermarks
    before_ms: dict[str, int] = {}
    left: set[Stream] = set()
    for model in models:
        reached_ms = min(marks.predictions_ms, marks.outcomes_ms, reach_of(state, judges, model).windows_ms)
        longest_ms = max(kept_ms(compiled, retention_ms=0) for compiled, _ in judges.revisions(model))
        before_ms[model] = reached_ms - longest_ms - IDLE_MS
        left.update(stream for part in PANES for stream in state.panes.streams(model, part))
        left.update(state.service.streams(model), state.alerts.streams(model, KINDS))
    state.drop_detectors(before_ms, left)
