import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.alerts import SEVERITIES, Alert
from tidegauge.subscribe.selection import Inbox, Selection


def alert(seq: int = 1, **fields: object) -> Alert:
    given = {"alert_id": "a", "status": "firing", "severity": "error", "kind": "performance", "model": "planner"}
    return Alert(seq=seq, **{**given, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), True),
        (Selection(model="plan*"), True),
        (Selection(model="planner"), True),
        (Selection(model="Plan*"), False),
        (Selection(model="gate"), False),
        (Selection(kinds=["performance", "score"]), True),
        (Selection(kinds=["score"]), False),
        (Selection(min_severity="error"), True),
        (Selection(min_severity="critical"), False),
    ],
)
def test_selection(selection: Selection, *, expected: bool) -> None:
    assert Inbox(selection, 10).admits(alert()) is expected


@pytest.mark.parametrize(("at", "least"), list(itertools.product(SEVERITIES, SEVERITIES)))
def test_severities_are_ordered(at: str, least: str) -> None:
    selected = Inbox(Selection(min_severity=least), 10).admits(alert(severity=at))  # type: ignore[arg-type]
    assert selected == (SEVERITIES.index(at) >= SEVERITIES.index(least))  # type: ignore[arg-type]


def test_trouble_of_the_watcher_itself_concerns_every_model() -> None:
    told = alert(model="*", kind="tidegauge.state")
    assert Inbox(Selection(model="gate"), 10).admits(told)
    assert not Inbox(Selection(model="gate", kinds=["score"]), 10).admits(told)


def test_unknown_severities_are_refused() -> None:
    with pytest.raises(ValueError, match="min_severity"):
        Selection(min_severity="loud")  # type: ignore[arg-type]


@pytest.mark.parametrize("kinds", [["drift"], ["score", "accuracy"], "score"])
def test_unknown_kinds_are_refused(kinds: object) -> None:
    with pytest.raises(ValueError, match="kinds must be some of features, score, performance"):
        Selection(kinds=kinds)  # type: ignore[arg-type]


def test_who_begins_anew_is_told_how_an_alert_ends_that_was_severe() -> None:
    fallen = alert(3, status="resolved", severity="warning", worst="error")
    assert Inbox(Selection(min_severity="error"), 10).admits(fallen)
    assert not Inbox(Selection(min_severity="critical"), 10).admits(fallen)


@given(seqs=st.lists(st.integers(1, 9)))
def test_repeats_and_lower_seq_are_dropped(seqs: list[int]) -> None:
    inbox = Inbox(Selection(), 10)
    admitted = [seq for seq in seqs if inbox.admits(alert(seq))]
    assert admitted == [seq for at, seq in enumerate(seqs) if seq > max(seqs[:at], default=0)]


def test_alerts_are_independent() -> None:
    inbox = Inbox(Selection(), 10)
    assert inbox.admits(alert(5))
    assert inbox.admits(alert(1, alert_id="b"))


def test_who_was_told_of_the_fire_is_told_of_its_end() -> None:
    inbox = Inbox(Selection(min_severity="error"), 10)
    assert not inbox.admits(alert(1, severity="warning"))
    assert inbox.admits(alert(2, severity="error"))
    assert inbox.admits(alert(3, severity="info", status="resolved"))


def test_a_lower_seq_than_one_that_was_filtered_is_old() -> None:
    inbox = Inbox(Selection(min_severity="error"), 10)
    assert not inbox.admits(alert(2, severity="info"))
    assert not inbox.admits(alert(1, severity="error"))


def test_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    inbox = Inbox(Selection(), 3)
    for at in range(100):
        inbox.admits(alert(1, alert_id=str(at)))
        inbox.admits(alert(at + 1, alert_id="busy"))
    assert len(inbox) == 3
    assert not inbox.admits(alert(5, alert_id="busy"))
