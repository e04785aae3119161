"""Deciding a window of outcomes at one label age."""

from collections.abc import Callable, Collection, Sequence
from functools import cache

from detectors.regression_outcomes import RegressionOutcomes
from stream.monitor.alert_book import AlertKey
from stream.monitor.config import MonitorConfig
from stream.monitor.evaluate_inputs import UNJUDGED, overall
from stream.monitor.facts import OutcomeFacts
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import Firing
from stream.monitor.outcome_judge import Moment, OutcomeVerdict
from stream.monitor.schedule import Due
from stream.monitor.scopes import outcome_scope
from stream.monitor.state import MonitorState
from stream.monitor.streams import Stream
from stream.monitor.stretches import Stretch
from stream.monitor.windows import OutcomeWindow, late_rows, outcome_window
from stream.parts.part import AnyPart
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import AlertKind, Window
from tidegauge.reports import MetricResult, Report

KINDS: tuple[AlertKind, ...] = ("performance", "calibration", "coverage")

RECENT_BLOCKS = 7
"""Blocks that a summary speaks of: last 7 days."""


def decide_outcomes(
    state: MonitorState,
    judges: ModelJudges,
    stream: Stream,
    due: Due,
    *,
    whole: bool,
    observed_ms: int,
    config: MonitorConfig,
) -> tuple[Report, OutcomeFacts] | None:
    """Judge one version and segment's window at one label age; None where there is nothing."""
    outcomes = outcome_window(state.panes, due.compiled, stream, due.seen, due.age_ms)
    if not outcomes.rows and not outcomes.labelled and not state.alerts.holding(stream, KINDS):
        return None
    judge = judges.outcome(stream.segment, due.scheme)
    horizon = due.age_ms == due.compiled.label_horizon_ms
    memory = state.scope(stream, "outcome", due.scheme.length, due.age_ms)
    judges.bind(memory, "outcome")
    memory.wake(due.window)
    block = memory.next_block(due.window, whole=whole)
    if block:
        memory.count_rows(outcomes.rows, config.empty_blocks)
    recent = _recent(state, stream, due, observed_ms)
    moment = Moment(due.window, due.age_ms, horizon, block, whole, recent)
    verdict = judge.judge(memory, outcomes, moment)
    if horizon:
        _note(state, stream, due, verdict)
    memory.decided_ms = due.window.end_ms
    state.keep_scope(stream, "outcome", due.scheme.length, due.age_ms)
    unjudged = [result.metric for result in verdict.results if result.state in {"learning", "uncalibrated"}]
    for kind in sorted({rule.kind for rule in judge.rules}):
        scope = outcome_scope(due.scheme.length, due.age_ms)
        state.alerts.explain(AlertKey(*stream, kind), scope, UNJUDGED, unjudged)
        _hold(state, AlertKey(*stream, kind), due, verdict.firing.get(kind, []), verdict.lost)
    report = outcome_report(judges, stream, due, outcomes, verdict.results)
    blocks = recent_blocks(due.scheme, due.window, observed_ms)
    facts = OutcomeFacts(recent, len(blocks), due.scheme.length, due.age_ms, judge.view)
    return report, facts


def revise_outcomes(
    state: MonitorState, judges: ModelJudges, stream: Stream, due: Due, late: Sequence[AnyPart]
) -> Report:
    """Return the report of a decided window with its late labels counted in; no detector and no alert moves."""
    outcomes = outcome_window(state.panes, due.compiled, stream, due.seen, due.age_ms, late)
    n_late = late_rows(state.panes, state.incoming, stream, due.seen)[1]
    outcomes.rows += n_late
    judge = judges.outcome(stream.segment, due.scheme)
    horizon = due.age_ms == due.compiled.label_horizon_ms
    moment = Moment(due.window, due.age_ms, horizon=horizon, block=False, whole=True)
    return outcome_report(judges, stream, due, outcomes, judge.results(outcomes, moment), n_late)


def outcome_report(
    judges: ModelJudges, stream: Stream, due: Due, outcomes: OutcomeWindow, results: list[MetricResult], n_late: int = 0
) -> Report:
    """Return a report on outcomes."""
    return Report(
        model=stream.model,
        version=stream.version,
        segment=stream.segment,
        part="outcome",
        window=due.window,
        age_ms=due.age_ms,
        n=outcomes.rows,
        n_late=n_late,
        reference=judges.reference_id,
        state=overall([result.state for result in results]),
        metrics=results,
        labelled=outcomes.labelled,
        coverage=outcomes.coverage,
        notes=[*_bounds(outcomes), *_left_out(outcomes)],
    )


def recent_blocks(scheme: WindowScheme, window: Window, observed_ms: int) -> list[Window]:
    """Return up to seven disjoint windows up to and with this one, oldest first; of windows above a day just it."""
    blocks = [window]
    while scheme.length_ms <= DAY_MS and len(blocks) < RECENT_BLOCKS and blocks[0].start_ms > observed_ms:
        blocks.insert(0, scheme.window(blocks[0].start_ms))
    return blocks


def _note(state: MonitorState, stream: Stream, due: Due, verdict: OutcomeVerdict) -> None:
    """Note harm, by the first window to close after each instant, the shortest of those that close together."""
    lengths = [scheme.length for scheme in due.compiled.windows["outcome"]]
    decided = (state.scope(stream, "outcome", length, due.age_ms).decided_ms for length in lengths)
    piece = Stretch(max(due.window.start_ms, *decided), due.window.end_ms)
    findings = [firing.finding for kind in KINDS[:2] for firing in verdict.firing.get(kind, ())]
    state.harm_log.add(stream, piece, due.instant_ms, findings)


def _hold(state: MonitorState, key: AlertKey, due: Due, firing: list[Firing], lost: Collection[str]) -> None:
    """Hold what fires; what fired at an earlier label age stands until the horizon has judged the same window.

    So one bad day is one episode, told early as a warning, and an error once its labels have matured.
    """
    length, horizon_ms = due.scheme.length, due.compiled.label_horizon_ms
    final = state.scope(key.stream, "outcome", length, horizon_ms)
    if due.age_ms == horizon_ms:
        for age_ms in due.compiled.rungs_ms[:-1]:
            held = state.alerts.held(key, outcome_scope(length, age_ms))
            if held and held[0].window.end_ms <= due.window.end_ms:
                state.alerts.hold(key, outcome_scope(length, age_ms), [], lost)
    elif not firing:
        held = state.alerts.held(key, outcome_scope(length, due.age_ms))
        firing = held if held and held[0].window.end_ms > final.decided_ms else []
    state.alerts.hold(key, outcome_scope(length, due.age_ms), firing, lost)


def _recent(state: MonitorState, stream: Stream, due: Due, observed_ms: int) -> Callable[[], OutcomeWindow]:
    @cache
    def merged() -> OutcomeWindow:
        blocks = recent_blocks(due.scheme, due.window, observed_ms)
        start_ms = max(blocks[0].start_ms, due.watched_ms)
        window = Window(length=due.scheme.length, start_ms=start_ms, end_ms=due.window.end_ms)
        return outcome_window(state.panes, due.compiled, stream, window, due.age_ms)

    return merged


def _bounds(outcomes: OutcomeWindow) -> list[str]:
    """Worst and best case of accuracy: if all predictions without a label, or without a score, were wrong, or right."""
    accuracy = outcomes.values.get("accuracy")
    if accuracy is None or not outcomes.rows or not outcomes.labelled or accuracy != accuracy:  # noqa: PLR0124 -- NaN
        return []
    judged = min(1.0, outcomes.values["n"] / outcomes.rows)
    worst = accuracy * judged
    return [f"accuracy over all predictions between {worst:.3f} and {worst + 1 - judged:.3f}"]


def _left_out(outcomes: OutcomeWindow) -> list[str]:
    """Return how many rows of a regression have a label and are in no metric."""
    held = outcomes.part.outcomes
    if not isinstance(held, RegressionOutcomes) or held.excluded <= 0:
        return []
    return [f"{held.excluded} labelled predictions are in no metric: without a number, or beyond 9.2e18"]
