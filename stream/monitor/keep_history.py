"""What goes to the topic `history`: enough to go on from it, and a log of the last days, when the state is lost."""

from collections.abc import Iterator
from typing import Final

from stream.monitor.gone import forget_gone
from stream.monitor.judges import Judges
from stream.monitor.lessons import learning_ms, to_learn_ms
from stream.monitor.outputs import History, HistoryPane, HistorySnapshot
from stream.monitor.state import MonitorState
from stream.monitor.watermarks import NEVER_MS
from stream.timeline.durations import DAY_MS

AT_ONCE: Final = 16
"""Models a round: at midnight all are due, and one checkpoint holds what one round brings."""


def keep_history(state: MonitorState, judges: Judges) -> Iterator[History]:
    """Yield the panes that are to be learnt from, then snapshots: one a day of event time, and one of what was learnt.

    To be called when everything that is due has been decided, so that a snapshot is of one moment.
    """
    reached_ms = state.watermarks.predictions_ms
    for key, body, came in state.panes.take_moved():
        compiled = judges.catalog.compiled_for(key.model, key.pane_start_ms)
        # One that leaves may have been written while something was to be learnt.
        learning = to_learn_ms(judges.catalog, compiled) if came else learning_ms(compiled)
        if learning or compiled.learning:
            yield HistoryPane(key=key, size_bytes=len(body), body=body if came else None)
    if reached_ms == NEVER_MS:
        return
    day = reached_ms // DAY_MS
    due = [
        model
        for model, progress in sorted(state.progress.items())
        # Before its first pane there is nothing to tell, and the next snapshot would be a day away.
        if progress.first_ms and (day > progress.snapshot_day or len(progress.learned) > progress.snapshot_learned)
    ][:AT_ONCE]
    forget_gone(state, judges, due)
    for model in due:
        progress = state.progress[model]
        progress.snapshots += 1
        progress.snapshot_day, progress.snapshot_learned = max(day, progress.snapshot_day), len(progress.learned)
        progress.store(state.fields, model)
    for model, fields in state.of_models(due).items() if due else ():
        yield HistorySnapshot(model=model, number=state.progress[model].snapshots, fields=fields)
