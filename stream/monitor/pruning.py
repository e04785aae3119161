"""Forgetting what no window will read again."""

from collections.abc import Iterable

from stream.model.compiled import CompiledModel
from stream.monitor.evaluate_outcomes import RECENT_BLOCKS
from stream.monitor.judges import Judges
from stream.monitor.learn import learning_ms, reach_of
from stream.monitor.state import MonitorState
from stream.monitor.watermarks import NEVER_MS
from stream.timeline.durations import DAY_MS, MS_PER_UNIT

_PATIENCE = 4
"""How many times its own span a model's state may grow while the labels' watermark stands still."""


def prune(state: MonitorState, judges: Judges, models: Iterable[str]) -> None:
    """Drop models' panes, late rows, drift and counts of revisions that no window or label reaches back to."""
    if state.watermarks.predictions_ms == NEVER_MS:
        return
    for model in models:
        # What is yet to be decided is kept, however far the watermark has come.
        reach = reach_of(state, judges, model).windows_ms
        predictions_ms = min(state.watermarks.predictions_ms, reach)
        outcomes_ms = min(state.watermarks.outcomes_ms, reach)
        compiled = judges.catalog.compiled_for(model, predictions_ms)
        keep_ms = _kept(compiled)
        reached_ms = max(outcomes_ms, predictions_ms - _PATIENCE * keep_ms)
        before_ms = min(predictions_ms, reached_ms) - max(keep_ms, learning_ms(compiled))
        for part in ("inputs", "sample", "outcome"):
            state.panes.drop_before(model, part, before_ms)
        longest = max((scheme.length_ms for scheme in compiled.windows["service"]), default=0)
        service_ms = max(longest, learning_ms(compiled)) + DAY_MS
        state.service.drop_before(model, predictions_ms - service_ms)
        state.drift_log.drop_before(model, before_ms)
        _prune_revisions(state, model, before_ms)
        state.incoming.drop_late_before(model, before_ms)


def _kept(compiled: CompiledModel) -> int:
    """Return the span of the longest window (or of the blocks a summary speaks of) until its labels are final."""
    lengths = [scheme.length_ms for windows in compiled.windows.values() for scheme in windows]
    return max(*lengths, RECENT_BLOCKS * DAY_MS) + DAY_MS + compiled.label_horizon_ms + MS_PER_UNIT["h"]


def _prune_revisions(state: MonitorState, model: str, before_ms: int) -> None:
    progress = state.progress[model]
    kept = {name: count for name, count in progress.revisions.items() if int(name.split(" ")[2]) > before_ms}
    if len(kept) < len(progress.revisions):
        progress.revisions = kept
        progress.store(state.fields, model)
