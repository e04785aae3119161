"""Deciding a window of inputs: report, drift findings, evidence for later."""

from collections.abc import Iterable, Sequence
from typing import Final

from stream.monitor.alert_book import AlertKey
from stream.monitor.config import MonitorConfig
from stream.monitor.drift_judge import DriftVerdict
from stream.monitor.drift_log import DriftEntry
from stream.monitor.judges import ModelJudges
from stream.monitor.schedule import Due
from stream.monitor.scopes import inputs_scope
from stream.monitor.state import MonitorState
from stream.monitor.streams import Stream
from stream.monitor.subjects import SCORE_LABEL
from stream.monitor.windows import inputs_window, late_rows
from stream.parts.part import AnyPart
from tidegauge.alerts import AlertKind
from tidegauge.reports import Report, State

KINDS: tuple[AlertKind, ...] = ("features", "score", "schema")

UNJUDGED: Final = "no reference fits any more"
"""Why an alert ends when nobody can tell whether it goes on."""


def decide_inputs(
    state: MonitorState, judges: ModelJudges, stream: Stream, due: Due, *, whole: bool, config: MonitorConfig
) -> Report | None:
    """Judge one version and segment's window, remember it, and return its report; None where there is nothing."""
    inputs = inputs_window(state.panes, due.compiled, stream, due.seen)
    if not inputs.rows and not state.alerts.holding(stream, KINDS):
        return None
    judge = judges.drift(stream.segment, due.scheme)
    verdict, unfit = DriftVerdict(), judge is None
    if judge is None:
        state.forget_scope(stream, "inputs", due.scheme.length)
    else:
        memory = state.scope(stream, "inputs", due.scheme.length)
        unfit = judges.bind(memory, "inputs")
        memory.wake(due.window)
        block = memory.next_block(due.window, whole=whole)
        if block:
            memory.count_rows(inputs.rows, config.empty_blocks)
        verdict = judge.judge(memory, inputs, due.window, block=block, whole=whole)
        state.keep_scope(stream, "inputs", due.scheme.length)
        _note(state, stream, due, verdict)
    scope = inputs_scope(due.scheme.length)
    for kind in KINDS:
        key = AlertKey(*stream, kind)
        state.alerts.explain(key, scope, UNJUDGED, None if unfit else verdict.unjudged)
        state.alerts.hold(key, scope, verdict.firing.get(kind, ()), verdict.lost)
    notes = [] if judge is None else _notes(judge.view.subjects.values(), judge.rules)
    late = late_rows(state.panes, state.incoming, stream, due.seen)[1]
    return inputs_report(judges, stream, due, (inputs.rows, late), verdict, notes)


def revise_inputs(
    state: MonitorState, judges: ModelJudges, stream: Stream, due: Due, late: Sequence[AnyPart]
) -> Report:
    """Return the report of a decided window with its late rows counted in; no detector and no alert moves."""
    inputs = inputs_window(state.panes, due.compiled, stream, due.seen, late)
    judge = judges.drift(stream.segment, due.scheme)
    results = [] if judge is None else judge.results(inputs, due.window.end_ms)
    rows = (inputs.rows, late_rows(state.panes, state.incoming, stream, due.seen)[1])
    return inputs_report(judges, stream, due, rows, DriftVerdict(results=results), [])


def inputs_report(
    judges: ModelJudges, stream: Stream, due: Due, rows: tuple[int, int], verdict: DriftVerdict, notes: list[str]
) -> Report:
    """Return a report on inputs; `rows` are those counted and those that came late."""
    return Report(
        model=stream.model,
        version=stream.version,
        segment=stream.segment,
        part="inputs",
        window=due.window,
        n=rows[0],
        n_late=rows[1],
        reference=judges.reference_id,
        state=overall([result.state for result in verdict.results]),
        drift=verdict.results,
        notes=notes,
    )


def overall(states: Sequence[State]) -> State:
    """Return the state of a whole report: the first of these that any subject is in; `learning` without subjects."""
    order: tuple[State, ...] = ("firing", "insufficient", "ok", "uncalibrated", "provisional", "learning")
    return next((state for state in order if state in states), "learning")


def _note(state: MonitorState, stream: Stream, due: Due, verdict: DriftVerdict) -> None:
    findings = [firing.finding for kind in KINDS[:2] for firing in verdict.firing.get(kind, ())]
    judged = sum(result.state in {"ok", "firing"} and result.subject != SCORE_LABEL for result in verdict.results)
    entry = DriftEntry(due.window.end_ms, due.scheme.length, judged, findings)
    state.drift_log.add(stream, entry, due.window.start_ms)


def _notes(subjects: Iterable[object], rules: Iterable[str]) -> list[str]:
    bound = sorted(
        view.subject.label  # type: ignore[attr-defined]  # subject views
        for view in subjects
        if view.subject.name in rules and view.clock_bound  # type: ignore[attr-defined]
    )
    return [f"{', '.join(bound)}: determined by the clock, judged on longer windows only"] if bound else []
