"""Learning from the stream itself: grids of an undeclared model, and the healthy blocks it is then judged by."""

from collections.abc import Iterator

from stream.model.compiled import CompiledModel
from stream.monitor.judges import Judges
from stream.monitor.learn_grids import grids_of
from stream.monitor.outputs import LearnedModel, LearnedReference
from stream.monitor.schedule import Progress
from stream.monitor.state import MonitorState
from stream.monitor.streams import ALL_ROWS
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part
from stream.parts.sample import SAMPLE_ROWS, SamplePart
from stream.timeline.durations import DAY_MS, parse_duration
from stream.timeline.panes import LocalDayPanes
from tidegauge.alerts import Window
from tidegauge.profiles import Profile

LEAST_BLOCKS = 10
"""Blocks of the shortest window a learnt reference must hold: eight to be calibrated, ten times the window's rows."""

_LEAST_SAMPLE = 200
_RELEARN_MS = 7 * DAY_MS
_GRIDS = "grids"


def learning_ms(compiled: CompiledModel) -> int:
    """Return how long a model's panes must be kept to learn a reference from them; 0 when it has a file."""
    spec = compiled.definition.reference
    asked = spec.learn or spec.trailing
    if asked is None:
        return 0
    shortest = min(scheme.length_ms for scheme in compiled.windows["inputs"])
    span_ms = max(parse_duration(asked), LEAST_BLOCKS * shortest)
    season_ms = parse_duration(spec.season) if spec.season else DAY_MS
    return -(-span_ms // season_ms) * season_ms + 2 * DAY_MS + compiled.label_horizon_ms


def learn(state: MonitorState, judges: Judges) -> list[LearnedModel | LearnedReference]:
    """Return what can be learnt now, each thing once."""
    learned: list[LearnedModel | LearnedReference] = []
    for model in sorted(state.progress):
        progress = state.progress[model]
        compiled = judges.catalog.compiled_for(model, state.watermarks.predictions_ms)
        before = len(progress.learned)
        if compiled.learning:
            learned += _learn_grids(state, compiled, progress)
        elif learning_ms(compiled):
            learned += _learn_reference(state, judges, compiled, progress)
        if len(progress.learned) > before:
            progress.store(state.fields, model)
    return learned


def _learn_grids(state: MonitorState, compiled: CompiledModel, progress: Progress) -> Iterator[LearnedModel]:
    """From the first whole days of event time that hold rows enough; in force a day later, when every shard knows."""
    first_ms = progress.first_ms.get("inputs")
    if first_ms is None or _GRIDS in progress.learned:
        return
    days = LocalDayPanes(compiled.definition.timezone)
    end_ms = days.end(days.end(first_ms - 1))
    while end_ms <= state.watermarks.predictions_ms:
        sample = _sample(state, compiled, Window(length="sample", start_ms=first_ms, end_ms=end_ms))
        if sample.rows >= _LEAST_SAMPLE:
            progress.learned.append(_GRIDS)
            grids = grids_of(compiled, sample)
            yield LearnedModel(
                definition=compiled.definition, grids=grids, effective_from_ms=compiled.next_boundary(end_ms + DAY_MS)
            )
            return
        end_ms = days.end(end_ms)


def _sample(state: MonitorState, compiled: CompiledModel, window: Window) -> SamplePart:
    merged = SamplePart(SAMPLE_ROWS)
    for stream in state.panes.streams(compiled.model, "sample"):
        if stream.segment == ALL_ROWS:
            for key in state.panes.within(stream, "sample", window):
                part = state.panes[key]
                if isinstance(part, SamplePart):
                    merged.merge(part)
    return merged


def _learn_reference(
    state: MonitorState, judges: Judges, compiled: CompiledModel, progress: Progress
) -> Iterator[LearnedReference]:
    """From the stream's first blocks whose labels are final; a trailing one again every week, a window's gap behind."""
    first_ms = state.panes.first_ms(compiled.model, "inputs")
    spec = compiled.definition.reference
    if first_ms is None or (judges.catalog.references(compiled.model) and not (spec.trailing and progress.learned)):
        return
    days = LocalDayPanes(compiled.definition.timezone)
    span_ms = learning_ms(compiled) - 2 * DAY_MS - compiled.label_horizon_ms
    # The first day may have begun before its first event: nobody can tell, so it is left out.
    start_ms = days.end(max(first_ms, compiled.effective_from_ms, progress.observed_ms))
    ends = [int(name.split(" ")[1]) for name in progress.learned if name.startswith("reference ")]
    if ends:
        if not spec.trailing:
            return
        start_ms = days.start(ends[-1] + _RELEARN_MS - span_ms)
    end_ms = days.end(start_ms + span_ms - 1)
    if state.watermarks.outcomes_ms < end_ms + compiled.label_horizon_ms:
        return
    progress.learned.append(f"reference {end_ms}")
    profiles = _profiles(state, compiled, Window(length="reference", start_ms=start_ms, end_ms=end_ms))
    if profiles:
        yield LearnedReference(
            model=compiled.model,
            held_out=True,
            profiles=profiles,
            source="trailing" if spec.trailing else "learned",
            effective_from_ms=end_ms + compiled.label_horizon_ms + DAY_MS,
        )


def _profiles(state: MonitorState, compiled: CompiledModel, window: Window) -> list[Profile]:
    """Return the blocks of all versions together, without the windows in which something drifted."""
    merged: dict[PartKey, AnyPart] = {}
    for part in ("inputs", "outcome"):
        for stream in state.panes.streams(compiled.model, part):
            for key in state.panes.within(stream, part, window):
                inside = key.pane_start_ms >= window.start_ms and key.pane_end_ms <= window.end_ms
                if inside and not state.drift_log.fired(stream, key.pane_end_ms):
                    _merge(merged, key._replace(version=""), load_part(key.part, state.panes.body(key)))
    return [key.profile(merged[key].snapshot()) for key in sorted(merged)]


def _merge(merged: dict[PartKey, AnyPart], key: PartKey, part: AnyPart) -> None:
    if key in merged:
        merged[key].merge(part)  # type: ignore[arg-type]  # one key, one kind of part
    else:
        merged[key] = part
