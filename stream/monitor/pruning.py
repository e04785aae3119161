"""Forgetting what no window will read again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from stream.model.compiled import CompiledModel, PartName
from stream.monitor.evaluate_outcomes import RECENT_BLOCKS
from stream.monitor.judges import Judges
from stream.monitor.learn import reach_of
from stream.monitor.lessons import kept_to_learn_ms, to_learn_ms
from stream.monitor.schedule import FOREVER_MS
from stream.monitor.state import MonitorState
from stream.monitor.watermarks import NEVER_MS
from stream.timeline.durations import DAY_MS, MS_PER_UNIT
from stream.timeline.windows import WindowScheme

PANES: Final[tuple[PartName, ...]] = ("inputs", "sample", "outcome")
_PATIENCE: Final = 4
"""How many times its own span a model's state may grow while the labels' watermark stands still ..."""
_PATIENCE_MS: Final = 32 * DAY_MS
"""... and for how long at least: labels may be delivered weeks after they were known."""


def prune(state: MonitorState, judges: Judges, models: Iterable[str], retention_ms: int) -> None:
    """Drop models' panes, late rows, drift and what is noted of windows that no window or label reaches back to.

    `retention_ms` is how long after its watermark a profiler still takes late rows.
    """
    if state.watermarks.predictions_ms == NEVER_MS:
        return
    for model in models:
        # What is yet to be decided is kept, however far the watermark has come.
        reach = reach_of(state, judges, model).windows_ms
        predictions_ms = min(state.watermarks.predictions_ms, reach)
        outcomes_ms = min(state.watermarks.outcomes_ms, reach)
        compiled = judges.catalog.compiled_for(model, predictions_ms)
        revisions = [revision for revision, _ in judges.revisions(model)]
        patience_ms = max(_PATIENCE * max(kept_ms(c, retention_ms) for c in revisions), _PATIENCE_MS)
        reached_ms = min(predictions_ms, max(outcomes_ms, predictions_ms - patience_ms))
        learning = to_learn_ms(judges.catalog, compiled)
        lessons_ms = reached_ms - kept_to_learn_ms(judges.catalog, compiled)
        before_ms = min(_read_from(revisions, reached_ms, lambda c: kept_ms(c, retention_ms)), lessons_ms)
        for part in PANES:
            state.panes.drop_before(model, part, before_ms)
        service_ms = min(_read_from(revisions, predictions_ms, service_kept_ms), predictions_ms - learning)
        state.service.drop_before(model, service_ms)
        state.drift_log.drop_before(model, reached_ms - _told_ms(compiled), before_ms)
        state.harm_log.drop_before(model, before_ms)
        _prune_progress(state, model, before_ms)
        state.incoming.drop_late_before(model, before_ms)


def kept_ms(compiled: CompiledModel, retention_ms: int) -> int:
    """Return how long a pane is read after both watermarks have passed it: until its windows' labels are final.

    That is the longest window, or the blocks that are seen together with it, and how late labels and rows may come.
    """
    spans = (_span_ms(scheme) for part in PANES for scheme in compiled.windows[part])
    return max(spans) + compiled.label_horizon_ms + retention_ms


def service_kept_ms(compiled: CompiledModel) -> int:
    """Return how long a service pane is remembered after the watermark of predictions has passed it.

    That is the longest window, those of burn rates among them, and the hops after it: the first window without a
    version's panes ends what was firing. Burn rates are looked at a pane later. Of a window of inputs they say which
    versions were there for a part of it only.
    """
    definition = compiled.definition  # whose windows have service reports, whatever reads the panes
    reported = (WindowScheme(length, definition.timezone) for length in definition.windows)
    schemes = {*compiled.windows["service"], *compiled.windows["inputs"], *reported}
    return max(s.length_ms + (DAY_MS if s.whole_days else s.length_ms // 2) for s in schemes) + MS_PER_UNIT["h"]


def _span_ms(scheme: WindowScheme) -> int:
    if scheme.whole_days:  # some have 25 hours
        return max(scheme.length_ms, RECENT_BLOCKS * DAY_MS) + DAY_MS + MS_PER_UNIT["h"]
    return (RECENT_BLOCKS + 1) * scheme.length_ms


def _read_from(revisions: Sequence[CompiledModel], reached_ms: int, kept: Callable[[CompiledModel], int]) -> int:
    """Return from which instant on panes will be read, by the windows of a revision that has ended, too."""
    froms = [reached_ms - kept(compiled) for compiled in revisions]
    ends = [*(compiled.effective_from_ms for compiled in revisions[1:]), FOREVER_MS]
    return min(from_ms for from_ms, until_ms in zip(froms, ends, strict=True) if until_ms > from_ms)


def _told_ms(compiled: CompiledModel) -> int:
    """Return how long drift is remembered: an alert on outcomes tells of that of seven days."""
    lengths = [scheme.length_ms for part in PANES for scheme in compiled.windows[part]]
    return max(*lengths, RECENT_BLOCKS * DAY_MS) + DAY_MS + compiled.label_horizon_ms + MS_PER_UNIT["h"]


def _prune_progress(state: MonitorState, model: str, before_ms: int) -> None:
    progress = state.progress[model]
    revisions = {name: count for name, count in progress.revisions.items() if int(name.split(" ")[2]) > before_ms}
    partial = {name: found for name, found in progress.partial.items() if int(name.split(" ")[1]) > before_ms}
    # The window that is decided next asks for the one a day before, and some days have 25 hours.
    asked_ms = before_ms - 2 * DAY_MS
    missed = {name: found for name, found in progress.missed.items() if int(name.split(" ")[1]) > asked_ms}
    known = len(progress.revisions) + len(progress.partial) + len(progress.missed)
    if len(revisions) + len(partial) + len(missed) < known:
        progress.revisions, progress.partial, progress.missed = revisions, partial, missed
        progress.store(state.fields, model)
