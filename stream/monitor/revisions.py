"""Reports of decided windows, revised by late rows; no alert moves."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from stream.model.compiled import CompiledModel, PartName
from stream.monitor.evaluate_inputs import revise_inputs
from stream.monitor.evaluate_outcomes import revise_outcomes
from stream.monitor.judges import Judges
from stream.monitor.schedule import Due, Family, Progress, decided_until, watched_from
from stream.monitor.state import MonitorState
from stream.monitor.streams import Stream
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart
from tidegauge.reports import Report


def revise(state: MonitorState, judges: Judges, late: Collection[PartKey], decided: Sequence[Due]) -> Iterator[Report]:
    """Yield a revised report for every decided window that holds late rows that are news, each once.

    News are the parts in `late`, and for the windows in `decided`, this very moment, whatever came late before: so the
    last revision of a report holds all late rows, whether they came before its decision or after.
    """
    wanted: dict[tuple[Stream, str, int, int], Due] = {}
    for key in sorted(late):
        if key not in state.incoming.late:
            continue
        stream = Stream(key.model, key.version, key.segment)
        compiled = judges.catalog.compiled_for(key.model, key.pane_end_ms - 1)
        revisions = [revision for revision, _ in judges.revisions(key.model)]
        for due in _decided(key, revisions, revisions.index(compiled), state.progress_of(key.model)):
            wanted[stream, due.scheme.length, due.window.end_ms, due.age_ms + due.family] = due
    for due in decided:
        if due.family not in {Family.INPUTS, Family.OUTCOME} or due.ends:
            continue
        for stream in state.incoming.late.streams(due.compiled.model):
            if any(_concerns(key, due) for key in state.incoming.late.inside(stream, due.seen)):
                wanted[stream, due.scheme.length, due.window.end_ms, due.age_ms + due.family] = due
    for (stream, *_), due in wanted.items():
        yield _revised(state, judges, stream, due)
    for model in dict.fromkeys(stream.model for stream, *_ in wanted):
        state.progress_of(model).store(state.fields, model)


def _concerns(key: PartKey, due: Due) -> bool:
    """Whether a late part inside a window changes its report: late predictions count in its coverage too."""
    return key.part == "inputs" or (key.part == "outcome" == _part(due) and key.age_ms <= due.age_ms)


def _part(due: Due) -> PartName:
    return "inputs" if due.family == Family.INPUTS else "outcome"


def _decided(key: PartKey, revisions: Sequence[CompiledModel], index: int, progress: Progress) -> Iterator[Due]:
    """Yield the windows around a pane, of the revision with an index, that were decided."""
    if key.part not in {"inputs", "outcome"}:
        return
    compiled = revisions[index]
    ages = [(Family.OUTCOME, age) for age in compiled.rungs_ms if age >= key.age_ms]
    for family, age_ms in [(Family.INPUTS, 0), *ages] if key.part == "inputs" else ages:
        for scheme in compiled.windows["inputs" if family == Family.INPUTS else "outcome"]:
            until_ms = decided_until(progress, family, scheme, age_ms)
            watched_ms = watched_from(revisions, index, family, scheme)
            for window in scheme.closes(key.pane_end_ms - 1, min(until_ms, key.pane_start_ms + 2 * scheme.length_ms)):
                if window.start_ms <= key.pane_start_ms:
                    yield Due(window.end_ms + age_ms, family, compiled, scheme, window, age_ms, watched_ms)


def _revised(state: MonitorState, judges: Judges, stream: Stream, due: Due) -> Report:
    late = _late_parts(state, stream, due)
    model_judges = judges.of(due.compiled, due.instant_ms)
    if due.family == Family.INPUTS:
        report = revise_inputs(state, model_judges, stream, due, late)
    else:
        report = revise_outcomes(state, model_judges, stream, due, late)
    return msgspec.structs.replace(report, revision=_count(state, stream, due))


def _late_parts(state: MonitorState, stream: Stream, due: Due) -> list[AnyPart]:
    name = _part(due)
    return [
        state.incoming.late_part(key)
        for key in state.incoming.late_keys(stream, due.seen)
        if key.part == name and key.age_ms <= due.age_ms and key.layout == due.compiled.layouts[name]
    ]


def _count(state: MonitorState, stream: Stream, due: Due) -> int:
    """Return the number of this revision. The window's end stands third, so that old counts can be dropped."""
    progress = state.progress_of(stream.model)
    name = f"{due.family.value} {due.scheme.length} {due.window.end_ms} {due.age_ms} {stream.version} {stream.segment}"
    progress.revisions[name] = progress.revisions.get(name, 0) + 1
    return progress.revisions[name]
