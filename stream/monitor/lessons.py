"""What a reference is to be learnt from: which blocks of which revision, and how long they are kept until then."""

from typing import NamedTuple

import msgspec

from stream.model.catalog import Catalog
from stream.model.compiled import ALWAYS_MS, CompiledModel
from stream.monitor.enough import LEAST_BLOCKS, enough_ms
from stream.monitor.fitting import alike_from_ms, has_reference, until_ms
from stream.monitor.schedule import FOREVER_MS, Progress
from stream.monitor.state import MonitorState
from stream.timeline.durations import DAY_MS, parse_duration
from stream.timeline.panes import LocalDayPanes
from tidegauge.alerts import Window

_MOST_SPANS = 4
"""How many times as long as was asked for a model is learnt that has rows on few days: once a fortnight, at least."""

_RELEARN_MS = 7 * DAY_MS
_LABELS_MS = 28 * DAY_MS
"""How far predictions may be ahead of labels before a reference is learnt from inputs alone. Long: a replay reads weeks
of a model with little traffic in one batch. Till then only burn rates can alert; a log that is known never to have held
a label is not waited for."""

REFERENCE = "reference "
"""What a reference is noted by among the things learnt, before the end of its blocks."""


class Lesson(NamedTuple):
    """The blocks that a reference of one revision is to be learnt from.

    `again`: the model can be judged by another. `enough`: its blocks are a yardstick, as far as rows go.
    """

    compiled: CompiledModel
    window: Window
    again: bool = False
    enough: bool = True

    @property
    def mature_ms(self) -> int:
        """When its labels are final."""
        return self.window.end_ms + self.compiled.label_horizon_ms

    @property
    def effective_from_ms(self) -> int:
        """From when on its reference holds."""
        return self.mature_ms + DAY_MS


def learning_ms(compiled: CompiledModel) -> int:
    """Return how long a model's panes must be kept to learn a reference from them; 0 when it has a file."""
    spec = compiled.definition.reference
    asked = spec.learn or spec.trailing
    if asked is None:
        return 0
    shortest = min(scheme.length_ms for scheme in compiled.windows["inputs"])
    span_ms = max(parse_duration(asked), LEAST_BLOCKS * shortest)
    season_ms = _season_ms(compiled)
    return -(-span_ms // season_ms) * season_ms + 2 * DAY_MS + compiled.label_horizon_ms


def to_learn_ms(catalog: Catalog, compiled: CompiledModel) -> int:
    """Return how long panes must be kept for what is yet to be learnt from them; 0 when nothing is.

    Not before the catalog has a reference of its layouts: until then a lost state would have to learn it again. One
    that trails follows any, a file's too.
    """
    trails = compiled.definition.reference.trailing is not None
    return learning_ms(compiled) if trails or not has_reference(catalog, compiled) else 0


def kept_to_learn_ms(catalog: Catalog, compiled: CompiledModel) -> int:
    """Return how long panes are kept for what is yet to be learnt from them, however few days have rows."""
    least_ms = to_learn_ms(catalog, compiled)
    longer = least_ms and not has_reference(catalog, compiled)
    return least_ms + (_MOST_SPANS - 1) * _span_ms(compiled, least_ms) if longer else least_ms


def next_lesson(state: MonitorState, catalog: Catalog, model: str) -> Lesson | None:
    """Return what a reference is to be learnt from next; None: nothing is to be learnt, or unknown yet.

    Revision by revision, however far the watermark has come: a replay learns what the stream learnt. A revision that
    ends before its reference would be in force has none.
    """
    progress, reached_ms = state.progress[model], state.watermarks.predictions_ms
    revisions = catalog.revisions(model) or (catalog.compiled_for(model, reached_ms),)
    untils = [*(compiled.effective_from_ms for compiled in revisions[1:]), FOREVER_MS]
    # Of revisions that ended before the first pane there is, nothing can be learnt: a model may have had hundreds.
    first_ms = state.panes.first_ms(model, "inputs", ALWAYS_MS) or ALWAYS_MS
    for compiled, ends_ms in zip(revisions, untils, strict=True):
        if ends_ms <= first_ms or compiled.learning or compiled.effective_from_ms > reached_ms:
            continue
        lesson = _lesson(state, catalog, compiled, progress)
        if lesson is None or lesson.effective_from_ms >= ends_ms:
            continue
        if ends_ms > reached_ms or ripe(state, lesson) or not hopeless(state, lesson):
            return lesson
    return None


def ripe(state: MonitorState, lesson: Lesson) -> bool:
    """Whether a lesson can be learnt: its labels are final, or not to be waited for.

    A reference that the model can be judged by is not replaced by one without labels because they are late.
    """
    if labels_final(state, lesson) or _unlabelled(state, lesson):
        return True
    return hopeless(state, lesson) and not lesson.again


def labels_final(state: MonitorState, lesson: Lesson) -> bool:
    """Whether the labels of a lesson are known."""
    return state.watermarks.outcomes_ms >= lesson.mature_ms


def hopeless(state: MonitorState, lesson: Lesson) -> bool:
    """Whether the labels of a lesson are so late that decisions go on without them."""
    late = state.watermarks.predictions_ms >= lesson.effective_from_ms + _LABELS_MS
    return late and not labels_final(state, lesson)


def _unlabelled(state: MonitorState, lesson: Lesson) -> bool:
    """Whether a lesson has no labels.

    Those that begin after it was mature come too late for its predictions: whoever reads them before it is learnt, as a
    replay does, learns the same. The very first labels may be sent a day late.
    """
    marks, model = state.watermarks, lesson.compiled.model
    if marks.predictions_ms < lesson.effective_from_ms or not marks.without_labels(lesson.mature_ms):
        return False
    return not state.panes.streams(model, "outcome") and not state.incoming.waits_for_labels(model)


def _lesson(state: MonitorState, catalog: Catalog, compiled: CompiledModel, progress: Progress) -> Lesson | None:
    """Return what to learn from a revision; None: nothing is to be learnt, or unknown yet."""
    spec = compiled.definition.reference
    kept_ms = to_learn_ms(catalog, compiled)
    if not kept_ms:
        return None
    days = LocalDayPanes(compiled.definition.timezone)
    span_ms, again = _span_ms(compiled, kept_ms), has_reference(catalog, compiled)
    ends = [int(name.removeprefix(REFERENCE)) for name in progress.learned if name.startswith(REFERENCE)]
    if ends and spec.trailing:
        start_ms = days.start(ends[-1] + _RELEARN_MS - span_ms)
        end_ms = days.end(start_ms + span_ms - 1)
        # Days whose rows cannot be read would be days without rows.
        start_ms = min(max(start_ms, days.end(alike_from_ms(catalog, compiled) - 1)), end_ms)
        return Lesson(compiled, Window(length="reference", start_ms=start_ms, end_ms=end_ms), again)
    # What came before was learnt, or was nothing.
    from_ms = max([compiled.effective_from_ms, *ends[-1:]])
    first_ms = _first_block_ms(state, compiled, progress, (from_ms, until_ms(catalog, compiled)))
    if first_ms is None:
        return None
    window = Window(length="reference", start_ms=first_ms, end_ms=days.end(first_ms + span_ms - 1))
    return _grown(state, Lesson(compiled, window, again), span_ms)


def _grown(state: MonitorState, lesson: Lesson, span_ms: int) -> Lesson:
    """Return a lesson of as many more seasons as it takes to be a yardstick, up to a limit.

    One that is not known to be enough ends later than what is known: it is looked at again.
    """
    compiled, window, reached_ms = lesson.compiled, lesson.window, state.watermarks.predictions_ms
    if reached_ms < window.end_ms:
        return lesson
    days = LocalDayPanes(compiled.definition.timezone)
    most_ms, end_ms = days.end(window.start_ms + _MOST_SPANS * span_ms - 1), window.end_ms
    most = msgspec.structs.replace(window, end_ms=most_ms)
    until_ms = enough_ms(state.panes, compiled, most, span_ms)
    while end_ms < min(until_ms, reached_ms + 1, most_ms):
        end_ms = days.end(end_ms + _season_ms(compiled) - 1)
    grown = msgspec.structs.replace(window, end_ms=end_ms)
    return lesson._replace(window=grown, enough=until_ms <= end_ms)


def _span_ms(compiled: CompiledModel, learning_ms: int) -> int:
    return learning_ms - 2 * DAY_MS - compiled.label_horizon_ms


def _season_ms(compiled: CompiledModel) -> int:
    return parse_duration(compiled.season) if compiled.season else DAY_MS


def _first_block_ms(
    state: MonitorState, compiled: CompiledModel, progress: Progress, span: tuple[int, int]
) -> int | None:
    """Return the first midnight in a span from which every shard counts by the grids; None before it has a pane."""
    first_ms = state.panes.first_ms(compiled.model, "inputs", span[0])
    if first_ms is None:
        return None
    days = LocalDayPanes(compiled.definition.timezone)
    # A shard that switched late has counted samples beside the others' cells.
    sampled_ms = state.panes.last_ms(compiled.model, "sample", span[1]) or first_ms
    # The first day may have begun before its first event: nobody can tell, so it is left out.
    whole_ms = max(days.end(progress.observed_ms), days.end(max(first_ms, sampled_ms) - 1))
    first_ms = state.panes.first_ms(compiled.model, "inputs", whole_ms)
    return None if first_ms is None else days.start(first_ms)
