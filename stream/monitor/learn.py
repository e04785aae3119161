"""Learning from the stream itself: grids of an undeclared model, and the healthy blocks it is then judged by.

What is learnt holds from an event time on. Until the catalog has it the model is decided up to that time and no
further: a fast replay and a slow stream give the same answers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from detectors.moments import Moments
from stream.model.catalog import Catalog
from stream.model.compiled import SCORE, CompiledModel, PartName
from stream.model.learning import learnt_from_ms, sample_end_ms
from stream.monitor.enough import enough_left
from stream.monitor.judges import Judges
from stream.monitor.learn_grids import grids_of
from stream.monitor.lessons import REFERENCE, Lesson, hopeless, labels_final, next_lesson, ripe
from stream.monitor.outputs import LearnedModel, LearnedReference
from stream.monitor.schedule import FOREVER_MS, Progress
from stream.monitor.state import MonitorState
from stream.monitor.streams import ALL_ROWS, Stream
from stream.monitor.windows import fits
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part
from stream.parts.sample import SAMPLE_ROWS, SamplePart
from stream.timeline.panes import LocalDayPanes
from tidegauge.alerts import Window
from tidegauge.definition import Definition, FeatureGrid, FeatureType, NumericGrid
from tidegauge.profiles import Profile

_LEAST_SAMPLE = 200
_GRIDS = "grids"


class Reach(NamedTuple):
    """Event times up to which a model may be decided now: its windows, and burn rates, which need no reference."""

    windows_ms: int = FOREVER_MS
    burn_ms: int = FOREVER_MS


def reach_of(state: MonitorState, judges: Judges, model: str) -> Reach:
    """Return how far a model may be decided: what is learnt next must be learnt first, and be in the catalog then."""
    progress = state.progress[model]
    if progress.awaits:
        if not _answered(progress, judges.catalog, model):
            return Reach(progress.awaits_ms, progress.awaits_ms)
        progress.awaits = ""
        progress.store(state.fields, model)
    lesson = next_lesson(state, judges.catalog, model)
    if lesson is not None:
        return _reach_of_lesson(state, lesson)
    compiled = judges.catalog.compiled_for(model, state.watermarks.predictions_ms)
    sample = _sample(state, compiled, progress) if compiled.learning else None
    return Reach() if sample is None else Reach(sample[0], sample[0])


def _reach_of_lesson(state: MonitorState, lesson: Lesson) -> Reach:
    if ripe(state, lesson):
        return Reach(lesson.mature_ms, lesson.mature_ms)
    # Predictions may be ahead of the labels; those that will never come are not waited for.
    return Reach() if hopeless(state, lesson) else Reach(lesson.effective_from_ms - 1)


def learn(state: MonitorState, judges: Judges) -> list[LearnedModel | LearnedReference] | None:
    """Return what can be learnt now, each thing once; everything up to `reach_of` must have been decided.

    None when no model was due; [] when those that were had no rows: decisions may reach further all the same.
    """
    learned: list[LearnedModel | LearnedReference] = []
    due = False
    for model in sorted(state.progress):
        progress = state.progress[model]
        if progress.awaits:
            continue
        lesson = next_lesson(state, judges.catalog, model)
        compiled = judges.catalog.compiled_for(model, state.watermarks.predictions_ms)
        before = len(progress.learned)
        if lesson is not None:
            learned += _learn_reference(state, lesson, progress)
        elif compiled.learning:
            learned += _learn_grids(state, compiled, progress)
        if len(progress.learned) > before:
            due = True
            progress.store(state.fields, model)
    return learned if due else None


def _answered(progress: Progress, catalog: Catalog, model: str) -> bool:
    """Whether the catalog has what was learnt, or somebody declared something else in the meantime."""
    newest = catalog.revisions(model)[-1:]
    if progress.awaits == _GRIDS:
        return any(not compiled.learning or compiled.effective_from_ms >= progress.awaits_ms for compiled in newest)
    declared = any(not (c.definition.reference.learn or c.definition.reference.trailing) for c in newest)
    references = catalog.references(model)
    return declared or any(r.id == progress.awaits or at_ms > progress.awaits_ms for at_ms, r in references)


def _learn_grids(state: MonitorState, compiled: CompiledModel, progress: Progress) -> Iterator[LearnedModel]:
    """From the first whole days of event time that hold rows enough; in force a day later, when every shard knows."""
    found = _sample(state, compiled, progress)
    if found is None:
        return
    end_ms, sample = found
    grids = grids_of(compiled, sample)
    progress.learned.append(_grids_name(compiled))
    progress.awaits, progress.awaits_ms = _GRIDS, learnt_from_ms(compiled, end_ms)
    definition = _with_types(compiled.definition, grids)
    yield LearnedModel(definition=definition, grids=grids, effective_from_ms=progress.awaits_ms)


def _grids_name(compiled: CompiledModel) -> str:
    return f"{_GRIDS} {compiled.revision}"


def _with_types(definition: Definition, grids: dict[str, FeatureGrid]) -> Definition:
    found: dict[str, FeatureType] = {
        name: "numeric" if isinstance(grid, NumericGrid) else "categorical"
        for name, grid in sorted(grids.items())
        if name != SCORE
    }
    return msgspec.structs.replace(definition, features=definition.features or found)


def _sample(state: MonitorState, compiled: CompiledModel, progress: Progress) -> tuple[int, SamplePart] | None:
    """Return the sample that grids are to be made from, and the midnight at which it ends; None: not yet, or done."""
    days = LocalDayPanes(compiled.definition.timezone)
    reached_ms = days.start(state.watermarks.predictions_ms)
    if not progress.first_ms or _grids_name(compiled) in progress.learned or reached_ms <= progress.sampled_ms:
        return None
    first_ms = max(progress.observed_ms, compiled.effective_from_ms)
    end_ms = sample_end_ms(compiled, first_ms)
    merged = SamplePart(SAMPLE_ROWS)
    for key in _sample_keys(state, compiled.model, Window(length="sample", start_ms=first_ms, end_ms=reached_ms)):
        if key.pane_start_ms >= end_ms and merged.rows >= _LEAST_SAMPLE:
            break
        end_ms = max(end_ms, days.end(key.pane_start_ms))
        part = state.panes[key]
        if isinstance(part, SamplePart):
            merged.merge(part)
    if end_ms <= reached_ms and merged.rows >= _LEAST_SAMPLE:
        return end_ms, merged
    progress.sampled_ms = reached_ms  # nothing new before the next midnight
    return None


def _sample_keys(state: MonitorState, model: str, window: Window) -> list[PartKey]:
    streams = [stream for stream in state.panes.streams(model, "sample") if stream.segment == ALL_ROWS]
    keys = [key for stream in streams for key in state.panes.within(stream, "sample", window)]
    return sorted(keys, key=lambda key: (key.pane_start_ms, key))


def _learn_reference(state: MonitorState, lesson: Lesson, progress: Progress) -> Iterator[LearnedReference]:
    """From the stream's first blocks whose labels are final; a trailing one again every week, a window's gap behind.

    Labels that are not final are none: those known by now would be of some rows only, and not the last ones. A
    reference that fits stays while too few days are left that did not alert: the next one could not judge.
    """
    if not ripe(state, lesson):
        return
    compiled, window = lesson.compiled, lesson.window
    progress.learned.append(f"{REFERENCE}{window.end_ms}")
    profiles = _profiles(state, compiled, window, ("inputs", "outcome") if labels_final(state, lesson) else ("inputs",))
    if profiles and lesson.enough and (not lesson.again or enough_left(compiled, window, profiles)):
        trailing = compiled.definition.reference.trailing
        learned = LearnedReference(
            model=compiled.model,
            held_out=True,
            profiles=[*profiles, *_left_out(state, compiled, window)],
            source="trailing" if trailing else "learned",
            effective_from_ms=lesson.effective_from_ms,
        )
        progress.awaits, progress.awaits_ms = learned.reference.id, learned.effective_from_ms - 1
        yield learned


def _profiles(
    state: MonitorState, compiled: CompiledModel, window: Window, parts: tuple[PartName, ...]
) -> list[Profile]:
    """Return the blocks of all versions together, without the windows in which something drifted."""
    merged: dict[PartKey, AnyPart] = {}
    for part in parts:
        for stream in state.panes.streams(compiled.model, part):
            for key in state.panes.within(stream, part, window):
                usable = fits(key, window, compiled.layouts[part])
                if usable and not _alerted(state, stream, key, window.end_ms + compiled.label_horizon_ms):
                    _merge(merged, key._replace(version=""), load_part(key.part, state.panes.body(key)))
    return [key.profile(_exact(merged[key]).snapshot()) for key in sorted(merged)]


def _left_out(state: MonitorState, compiled: CompiledModel, window: Window) -> Iterator[Profile]:
    """Yield an empty profile, marked late, for each pane in which something alerted: a day left out is no quiet day."""
    keys: set[PartKey] = set()
    known_ms = window.end_ms + compiled.label_horizon_ms
    for stream in state.panes.streams(compiled.model, "inputs"):
        for key in state.panes.within(stream, "inputs", window):
            if fits(key, window, compiled.layouts["inputs"]) and _alerted(state, stream, key, known_ms):
                keys.add(key._replace(version="", on_time=False))
    if keys:
        body = InputsPart.of(compiled).snapshot()
        yield from (key.profile(body) for key in sorted(keys))


def _alerted(state: MonitorState, stream: Stream, key: PartKey, known_ms: int) -> bool:
    """Whether a pane lies in time in which drift or harm alerted, as far as it was known when the labels were final."""
    span = (key.pane_start_ms, key.pane_end_ms, known_ms)
    return state.drift_log.fired(stream, *span) or state.harm_log.fired(stream, *span)


def _exact(part: AnyPart) -> AnyPart:
    """Return a part without float moments: their last bits depend on who merged, and so would the reference's id."""
    if isinstance(part, InputsPart):
        part.moments = Moments(part.numeric + 1)
    return part


def _merge(merged: dict[PartKey, AnyPart], key: PartKey, part: AnyPart) -> None:
    if key in merged:
        merged[key].merge(part)  # type: ignore[arg-type]  # one key, one kind of part
    else:
        merged[key] = part
