"""Comparing what was published with what must be: exactly where counts are, to the digits a report shows elsewhere."""

from collections.abc import Iterable

import pytest
from integration.end_to_end.scenario import MODEL, VERSION
from integration.end_to_end.truth_detectors import Found, Transition

from tidegauge import Alert, DriftResult, Finding, MetricResult, Report

ROUNDED = 2e-6
"""Reports round to six digits; sums are exact to 2**-24 a row."""


def close(value: float | None, tolerance: float = ROUNDED) -> object:
    """Return what a number must equal within a tolerance; None must be None."""
    return value if value is None else pytest.approx(value, abs=tolerance, rel=1e-6)


def drift_of(report: Report) -> dict[str, DriftResult]:
    """Return a report's results by subject."""
    return {result.subject: result for result in report.drift}


def metrics_of(report: Report) -> dict[str, MetricResult]:
    """Return a report's results by metric."""
    return {result.metric: result for result in report.metrics}


def limits_of(reports: Iterable[Report]) -> dict[tuple[str, str], float]:
    """Return the limit of each sequential detector as reports state it; it never changes, and never is below five.

    A category's detector has a limit of its own, and a report shows the one nearest to it: of those the least is kept.
    """
    stated: dict[tuple[str, str], set[float]] = {}
    for report in reports:
        if report.model == MODEL:
            drift = [(result.subject, result.cusum_limit) for result in report.drift]
            for subject, limit in (*drift, *((result.metric, result.cusum_limit) for result in report.metrics)):
                if limit is not None:
                    stated.setdefault((report.segment, subject), set()).add(limit)
    for (segment, subject), limits in stated.items():
        assert len(limits) == 1 or subject == "channel", f"{segment} {subject}: {limits}"
        assert min(limits) >= 5
    return {key: min(limits) for key, limits in stated.items()}


def key_of(alert: Alert) -> tuple[object, ...]:
    """Return of an alert what is compared first, as `Transition.key`."""
    where = (alert.kind, alert.version, alert.segment)
    return (*where, alert.started_ms, alert.seq, alert.status, alert.severity, alert.decided_at_ms)


def assert_content(alert: Alert, expected: Transition) -> None:
    """Check every number of an alert."""
    told = [_finding(finding) for finding in alert.findings]
    assert told == [_expected(found) for found in expected.found], f"{key_of(alert)}"
    if not expected.found:
        assert (alert.window, alert.value, alert.threshold, alert.n) == (None, None, None, 0)
        return
    lead = expected.found[0]
    assert alert.window is not None
    assert (alert.subject, alert.detector, alert.n) == (lead.subject, lead.detector, lead.n)
    assert alert.window.end_ms == lead.end_ms
    assert (alert.value, alert.threshold) == (close(lead.value), close(lead.threshold))
    assert alert.label_coverage == close(lead.coverage)


def _finding(finding: Finding) -> tuple[object, ...]:
    effects = tuple(sorted(finding.effects.items()))
    return (finding.subject, finding.detector, finding.value, finding.threshold, finding.since_ms, effects)


def _expected(found: Found) -> tuple[object, ...]:
    effects = tuple((name, close(value)) for name, value in sorted(found.effects))
    return (found.subject, found.detector, close(found.value), close(found.threshold), found.since_ms, effects)


def report_key(segment: str, part: str, end_ms: int, age_ms: int = 0, version: str = VERSION) -> tuple[object, ...]:
    """Return the key of one of the lender's reports."""
    return (MODEL, version, segment, part, end_ms, age_ms)
