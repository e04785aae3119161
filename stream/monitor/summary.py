"""An alert in a few lines that a person reads at night."""

from collections.abc import Iterator
from functools import partial

from stream.monitor.alert_book import Transition
from stream.monitor.drift_log import DriftEvidence
from stream.monitor.facts import Facts, OutcomeFacts
from stream.monitor.memory import Firing
from stream.monitor.outcome_view import MetricView
from stream.monitor.wording import (
    against,
    blocks_name,
    effects_text,
    joined,
    last_day,
    local_day,
    metric_name,
    number,
    percent,
    quiet_text,
)
from tidegauge.alerts import Finding

_INDENT = "\n      "
_LISTED = 4
_SIGNED = {"calibration", "bias"}


def summarise(transition: Transition, facts: Facts) -> str:
    """Return the summary: what, how much, beside what, since when."""
    key = transition.key
    word = transition.severity.upper() if transition.status == "firing" else "RESOLVED"
    name = " ".join(filter(None, (word, key.model, key.version, f"({key.segment or 'all'})")))
    lines = [f"{name}   {_headline(transition, facts)}", *_details(transition, facts), _footer(transition, facts)]
    return _INDENT.join(line for line in lines if line)


def _headline(transition: Transition, facts: Facts) -> str:
    if not transition.firing:
        return f"{transition.key.kind}: {transition.reason}"
    lead = transition.firing[0]
    if transition.key.kind in {"performance", "calibration", "coverage"}:
        return _outcome_headline(lead, facts)
    if transition.key.kind in {"features", "score", "schema"}:
        return _drift_headline(transition, facts)
    return _service_headline(lead)


def _outcome_headline(lead: Firing, facts: Facts) -> str:
    subject = lead.finding.subject
    text = f"{metric_name(subject)}: {_decided(lead, facts)}"
    if facts.outcome is None:
        return text
    outcome = facts.outcome
    text += (
        f"; last {blocks_name(outcome.length, outcome.blocks)} {_value(subject, outcome.recent().values.get(subject))}"
    )
    healthy = outcome.view.metrics[outcome.age_ms].get(subject) if outcome.view else None
    if healthy is not None:
        text += f", healthy {blocks_name(outcome.length)} {_range(subject, healthy)}"
    text += f" (n {number(outcome.recent().labelled)}, labels {percent(outcome.recent().coverage)})"
    constant = outcome.recent().values.get(f"constant_{subject}")
    return text if constant is None else f"{text}; constant predictor {number(constant)}"


def _decided(lead: Firing, facts: Facts) -> str:
    """Return what decided: CUSUM 5.6 > 5.0 on days to 04-22."""
    finding = lead.finding
    day = last_day(lead.window, facts.timezone)
    if finding.detector == "cusum":
        return f"CUSUM {against(finding.value, finding.threshold)} on {blocks_name(lead.window.length)} to {day}"
    decided = against(finding.value, finding.threshold, partial(_value, finding.subject))
    return f"{lead.window.length} to {day}: {decided}"


def _value(subject: str, value: float | None) -> str:
    if subject == "coverage":
        return percent(value)
    return number(value, signed=subject in _SIGNED)


def _range(subject: str, healthy: MetricView) -> str:
    between = " to " if subject in _SIGNED else "-"
    return f"{_value(subject, healthy.low)}{between}{_value(subject, healthy.high)}"


def _drift_headline(transition: Transition, facts: Facts) -> str:
    lead = transition.firing[0]
    if transition.key.kind == "schema":
        names = [f"{f.finding.subject} ({percent(f.finding.value)})" for f in transition.firing[:_LISTED]]
        day = last_day(lead.window, facts.timezone)
        return f"categories never seen before in {joined(names)}, {lead.window.length} to {day}"
    shown = [_moved(f.finding) for f in transition.firing[:_LISTED]]
    more = len(transition.firing) - len(shown)
    listed = joined([*shown, *([f"{more} more"] if more else [])])
    what = "drift in " if transition.key.kind == "features" else ""
    if lead.finding.detector == "cusum":
        return f"{what}{listed}; {lead.finding.subject}: {_decided(lead, facts)}"
    statistic = against(lead.finding.value, lead.finding.threshold)
    return (
        f"{what}{listed}; {lead.finding.subject}: divergence {statistic}, "
        f"{lead.window.length} to {last_day(lead.window, facts.timezone)}"
    )


def _moved(finding: Finding) -> str:
    effects = effects_text(finding)
    return f"{finding.subject} ({effects})" if effects else finding.subject


def _service_headline(lead: Firing) -> str:
    finding, length = lead.finding, lead.window.length
    if finding.subject == "traffic":
        expected = number(finding.effects.get("expected", 0.0))
        return (
            f"traffic: {number(finding.value) if finding.value else 'no'} predictions in {length}, expected {expected}"
        )
    if finding.subject == "late rows":
        late = percent(finding.value)
        return f"{late} of {number(lead.n)} predictions came late in {length}: lateness is too short"
    what = "slower than the limit" if finding.subject == "latency" else "failed"
    rate = f", {number(finding.effects['burn_rate'])} times its budget" if "burn_rate" in finding.effects else ""
    return f"{finding.subject}: {percent(finding.value)} of {number(lead.n)} requests {what} in {length}{rate}"


def _details(transition: Transition, facts: Facts) -> Iterator[str]:
    if not transition.firing:
        return
    if facts.outcome is not None and "mean_score" in facts.outcome.recent().values:
        yield _says(facts.outcome, facts.positive)
    where = _where(facts)
    if facts.drift is not None:
        yield "; ".join(filter(None, (_beside(facts.drift), where)))
    else:
        yield "; ".join(filter(None, (quiet_text(facts.quiet), where)))
    if transition.seq > 1:
        yield f"because: {transition.reason}"


def _says(outcome: OutcomeFacts, positive: str) -> str:
    """Return what the model said and what was: says 12 % late, 35 % were."""
    values = outcome.recent().values
    text = f"says {percent(values['mean_score'])} {positive}, {percent(values['prevalence'])} were"
    text += f": calibration {number(values['calibration'], signed=True)}"
    if values["roc_auc"] == values["roc_auc"]:
        text += f"; AUC {number(values['roc_auc'])}"
        healthy = outcome.view.metrics[outcome.age_ms].get("roc_auc") if outcome.view else None
        text += f", was {number(healthy.blocks.mean)}" if healthy is not None else ""
    return text


def _beside(drift: DriftEvidence) -> str:
    if not drift.findings:
        return ": ".join(filter(None, ("without drift", quiet_text(drift.quiet, others=False))))
    features = [_moved(f) for f in drift.findings if f.subject != "score"]
    scores = [f"score {effects_text(f)}" for f in drift.findings if f.subject == "score"]
    listed = features[:_LISTED] + ([f"{len(features) - _LISTED} more"] if len(features) > _LISTED else [])
    return "; ".join(filter(None, ("with drift in " + joined([*listed, *scores]), quiet_text(drift.quiet))))


def _where(facts: Facts) -> str:
    """Return which segments are concerned: one alone, some, or all."""
    if not facts.known_segments:
        return ""
    if not facts.segments:
        return "in no segment alone"
    if len(facts.segments) == len(facts.known_segments) > 1:
        return f"not in {facts.segments[0]} alone: all {_count(len(facts.segments))}"
    return f"only in {joined(facts.segments)} of {len(facts.known_segments)} segments"


def _count(number_of: int) -> str:
    words = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
    return words.get(number_of, str(number_of))


def _footer(transition: Transition, facts: Facts) -> str:
    since = local_day(transition.started_ms - 1, facts.timezone)
    word = "firing since" if transition.firing else "had fired since"
    runbook = f"   runbook {facts.runbook_url}" if facts.runbook_url else ""
    return f"{word} {since} (event time)   alert {transition.alert_id} seq {transition.seq}{runbook}"
