"""From a transition to the alert that people read, with its evidence."""

from stream.model.compiled import CompiledModel
from stream.monitor.alert_book import AlertKey, Transition
from stream.monitor.evaluate_outcomes import KINDS as OUTCOME_KINDS
from stream.monitor.evaluate_outcomes import RECENT_BLOCKS
from stream.monitor.facts import Facts, OutcomeFacts
from stream.monitor.judges import ModelJudges
from stream.monitor.pruning import kept_ms
from stream.monitor.state import MonitorState
from stream.monitor.summary import summarise
from stream.monitor.windows import evidence_ids
from stream.timeline.durations import DAY_MS
from tidegauge.alerts import Alert, Finding
from tidegauge.retraining import RetrainingRequest

_LISTED = 32


def narrate(state: MonitorState, judges: ModelJudges, transition: Transition, outcome: OutcomeFacts | None) -> Alert:
    """Return the alert that tells of a transition.

    Evidence is drift that overlaps in time with what fires: from the onset of the change to the end of the window.
    """
    key = transition.key
    lead = transition.firing[0] if transition.firing else None
    facts = _facts(state, judges, transition, outcome)
    drift = facts.drift
    finding = lead.finding if lead else Finding(subject="")
    return Alert(
        alert_id=transition.alert_id,
        seq=transition.seq,
        status=transition.status,
        severity=transition.severity,
        worst=transition.worst,
        kind=key.kind,
        model=key.model,
        version=key.version,
        segment=key.segment,
        reason=transition.reason,
        summary=summarise(transition, facts),
        started_ms=transition.started_ms,
        decided_at_ms=transition.decided_at_ms,
        window=lead.window if lead else None,
        detector=finding.detector,
        subject=finding.subject,
        value=finding.value if lead else None,
        threshold=finding.threshold if lead else None,
        n=lead.n if lead else 0,
        label_coverage=lead.coverage if lead else None,
        reference=judges.reference_id,
        findings=[firing.finding for firing in transition.firing[:_LISTED]],
        evidence=drift.findings[:_LISTED] if drift else [],
        quiet=drift.quiet if drift else facts.quiet,
        context=_context(facts, judges, key),
        sample_prediction_ids=_sample(state, judges.compiled, transition),
        runbook_url=facts.runbook_url,
    )


def retraining(alert: Alert) -> RetrainingRequest:
    """Return the request that follows from matured harm; its id is the episode's."""
    return RetrainingRequest(
        request_id=alert.alert_id,
        model=alert.model,
        alert_id=alert.alert_id,
        decided_at_ms=alert.decided_at_ms,
        version=alert.version,
        segment=alert.segment,
        severity=alert.severity,
        reason=alert.summary,
        window=alert.window,
        subjects=[finding.subject for finding in alert.evidence],
        reference=alert.reference,
        traceparent=alert.traceparent,
    )


def _facts(state: MonitorState, judges: ModelJudges, transition: Transition, outcome: OutcomeFacts | None) -> Facts:
    key = transition.key
    definition = judges.compiled.definition
    facts = Facts(definition.timezone, definition.positive or "positive", definition.runbook_url)
    if not transition.firing:
        return facts
    lead = transition.firing[0]
    if not key.segment:
        facts.known_segments, facts.segments = judges.segments, state.alerts.segments(key)
    if key.kind in OUTCOME_KINDS:
        onset_ms = min(f.finding.since_ms or f.window.start_ms for f in transition.firing)
        # What lies further back may be forgotten or not, as the predictions' watermark has come along.
        since_ms = max(onset_ms, min(lead.window.start_ms, lead.window.end_ms - RECENT_BLOCKS * DAY_MS))
        facts.outcome = outcome
        until_ms, decided_ms = lead.window.end_ms, transition.decided_at_ms
        facts.drift = state.drift_log.overlapping(key.stream, since_ms, until_ms, decided_ms)
    elif key.kind == "features":
        facts.quiet = max(0, _features(judges.compiled, key) - len(transition.firing))
    return facts


def _sample(state: MonitorState, compiled: CompiledModel, transition: Transition) -> list[str]:
    """Return ids of predictions; none of a window so far back that its panes may be forgotten by now or not."""
    if not transition.firing:
        return []
    window = transition.firing[0].window
    known = window.start_ms >= transition.decided_at_ms - kept_ms(compiled, 0)
    return evidence_ids(state.panes, transition.key.stream, window) if known else []


def _features(compiled: CompiledModel, key: AlertKey) -> int:
    names = {*compiled.numeric, *compiled.categorical}
    return len(names - {key.stream.attribute})


def _context(facts: Facts, judges: ModelJudges, key: AlertKey) -> list[str]:
    context = [f"also in {segment}" for segment in facts.segments]
    if facts.known_segments and not facts.segments:
        context.append("in no segment alone")
    if judges.index is not None and key.version:
        context.append(f"version {key.version} is judged against reference {judges.reference_id}")
    return context
