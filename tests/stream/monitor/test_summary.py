"""What a person reads."""

import re

import pytest

from stream.monitor.facts import Facts
from stream.monitor.summary import _where
from stream.monitor.wording import against, number
from tests.stream.monitor.world import Play, alerts, changed, healthy


def test_an_error_reads_as_the_surface_promises(play: Play) -> None:
    days = changed(changed(healthy(12), range(5, 11), flip=0.4), range(4, 11), shift_a=3.0)
    outputs = play(days)
    error = next(a for a in alerts(outputs, "performance") if a.severity == "error" and not a.segment)
    what, says, beside, because, since = error.summary.split("\n")
    assert re.fullmatch(
        r"ERROR m v1 \(all\)   log loss: 1d to 01-06: \.\d\d > \.\d\d; last 6 days \.\d\d, healthy days \.\d\d-\.\d\d "
        r"\(n [67] \d{3}, labels 97 %\); constant predictor \.\d\d",
        what,
    )
    assert re.fullmatch(r"      says \d\d % late, \d\d % were: calibration [+-]\.\d{2,4}; AUC \.\d\d, was \.\d\d", says)
    assert re.fullmatch(
        r"      with drift in a \(normalised Wasserstein \d\.\d, PSI \d\.\d\); 3 other features quiet; "
        r"(not in origin=EWR alone: all three|only in origin=EWR and origin=JFK of 3 segments)",
        beside,
    )
    assert because == "      because: labels matured"
    assert since == (
        f"      firing since 2021-01-06 (event time)   alert {error.alert_id} seq 2   runbook https://runbooks.example/m"
    )


@pytest.mark.parametrize(
    ("segments", "text"),
    [
        (["o=A", "o=B", "o=C"], "not in o=A alone: all three"),
        (["o=B"], "only in o=B of 3 segments"),
        ([], "in no segment alone"),
    ],
)
def test_the_segments_concerned_are_said(segments: list[str], text: str) -> None:
    assert _where(Facts(known_segments=["o=A", "o=B", "o=C"], segments=segments)) == text
    assert not _where(Facts())


@pytest.mark.parametrize(
    ("value", "text"), [(0.824, ".82"), (5.64, "5.6"), (23.4, "23"), (6300, "6 300"), (-0.23, "-.23"), (None, "?")]
)
def test_numbers_have_two_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0996, ".10"), (0.05, ".05"), (0.0123, ".012"), (-0.0004, "-.0004"), (1.24e-7, "1.2e-7"), (0.0, ".00")],
)
def test_small_numbers_have_two_digits_too(value: float, text: str) -> None:
    assert number(value) == text


def test_numbers_that_would_look_equal_get_more_digits() -> None:
    assert against(5.6, 5.0) == "5.6 > 5.0"
    assert against(0.652, 0.6466) == "0.652 > 0.6466"


def test_a_sum_says_how_far_it_went(play: Play) -> None:
    outputs = play(changed(healthy(18), range(4, 18), shift_a=0.3), after=0)
    alert = next(a for a in alerts(outputs, "features") if a.detector == "cusum")
    assert re.search(r"a: CUSUM \d+(\.\d)? > \d+(\.\d)? on days to 01-\d\d", alert.summary)


def test_absence_of_drift_is_said(play: Play) -> None:
    outputs = play(changed(healthy(9), range(4, 9), flip=0.4))
    error = next(a for a in alerts(outputs, "performance") if a.severity == "error" and not a.segment)
    assert "without drift: 4 features quiet" in error.summary


def test_a_resolved_alert_says_since_when_it_fired(play: Play) -> None:
    outputs = play(changed(healthy(14), range(4, 6), shift_a=2.0), after=0)
    resolved = next(a for a in alerts(outputs, "features") if a.status == "resolved")
    assert resolved.summary.startswith("RESOLVED m v1 (all)   features: quiet again\n      had fired since 2021-01-05")
