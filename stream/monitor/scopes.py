"""Scopes: under which name each monitor holds its findings in an alert, and which names a definition watches."""

from collections.abc import Iterator, Mapping

from stream.monitor.burn_rate import PAIRS
from stream.monitor.rules import Rules
from stream.monitor.schedule import shortest_window
from tidegauge.alerts import AlertKind


def inputs_scope(length: str) -> str:
    """Return the scope of drift over windows of a length."""
    return f"inputs {length}"


def outcome_scope(length: str, age_ms: int) -> str:
    """Return the scope of outcomes over windows of a length, at a label age."""
    return f"outcome {length} {age_ms}"


def service_scope(length: str) -> str:
    """Return the scope of a budget over named windows of a length."""
    return f"service {length}"


def burn_scope(pair: str) -> str:
    """Return the scope of a burn rate, by the long window of its pair."""
    return f"burn {pair}"


def traffic_scope(length: str) -> str:
    """Return the scope of traffic over windows of a length."""
    return f"traffic {length}"


def late_scope(length: str) -> str:
    """Return the scope of late rows over windows of a length."""
    return f"late {length}"


def watched_scopes(rules: Rules) -> Mapping[AlertKind, frozenset[str]]:
    """Return by kind the scopes in which rules can hold a finding; a kind that nobody watches is left out."""
    watched: dict[AlertKind, set[str]] = {}
    for kind, scope in _scopes(rules):
        watched.setdefault(kind, set()).add(scope)
    return {kind: frozenset(scopes) for kind, scopes in watched.items()}


def _scopes(rules: Rules) -> Iterator[tuple[AlertKind, str]]:
    for drift in rules.drift.values():
        for length in drift.windows:
            yield drift.kind, inputs_scope(length)
            yield "schema", inputs_scope(length)  # categories of any subject may be new, classes of the score too
    for outcome in rules.outcomes:
        for length in outcome.windows:
            for age_ms in rules.compiled.rungs_ms:
                yield outcome.kind, outcome_scope(length, age_ms)
    for budget in rules.budgets:
        for length in budget.windows:
            yield budget.kind, service_scope(length)
        for pair in () if budget.windows else PAIRS:
            yield budget.kind, burn_scope(pair.long)
    for length in rules.traffic_windows:
        yield "traffic", traffic_scope(length)
    yield "tidegauge.state", late_scope(shortest_window(rules.compiled).length)
