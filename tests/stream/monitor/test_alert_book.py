"""When a segment is told of by the alert of all rows, and when it has one of its own."""

import msgspec
import pytest

from stream.monitor.alert_book import AlertBook, AlertKey
from stream.monitor.fields import Fields
from stream.monitor.memory import Firing
from stream.monitor.streams import ALL_ROWS, parse_field_name
from tests.stream.monitor.world import HOUR_MS
from tidegauge.alerts import Finding, Window

SCOPE = "burn 1h"
EVERYTHING = AlertKey("m", "v1", ALL_ROWS, "errors")
PART = EVERYTHING._replace(segment="origin=EWR")
OTHER = EVERYTHING._replace(segment="origin=JFK")
GRACE_MS = 4 * HOUR_MS


class Book:
    """An alert book in which all rows and two segments began to burn at one instant."""

    def __init__(self) -> None:
        self.fields = Fields()
        self.book = AlertBook(self.fields)
        for key in (EVERYTHING, PART, OTHER):
            self.book.hold(key, SCOPE, [firing(HOUR_MS)])
        assert self.settle(HOUR_MS) == [("", "firing")]

    def settle(self, at_ms: int) -> list[tuple[str, str]]:
        found = self.book.settle("m", at_ms, ("latency", "errors"))
        return [(transition.key.segment, transition.status) for transition in found]

    def restart(self) -> None:
        stored = {field: value for field, value in self.fields.take().items() if value is not None}
        self.book = AlertBook(self.fields)
        for field, value in stored.items():
            self.book.load(parse_field_name(field)[1], value)


def firing(end_ms: int) -> Firing:
    finding = Finding(subject="errors", detector="burn_rate", value=0.5, threshold=0.144, since_ms=end_ms)
    window = Window(length="1h", start_ms=end_ms - HOUR_MS, end_ms=end_ms)
    return Firing(finding=finding, severity="error", window=window, n=100)


def test_a_segment_that_outlasts_all_rows_has_an_alert_of_its_own() -> None:
    """Nothing new is found of it: a burn rate is told when it begins and when it ceases."""
    world = Book()
    for key in (EVERYTHING, OTHER):
        world.book.hold(key, SCOPE, [])
    ended_ms = 30 * HOUR_MS
    assert world.settle(ended_ms) == [("", "resolved")]
    world.restart()
    assert world.settle(ended_ms + GRACE_MS) == []
    assert world.settle(ended_ms + GRACE_MS + 1) == [(PART.segment, "firing")]
    assert world.settle(ended_ms + GRACE_MS + 2) == []


def test_segments_that_end_just_after_all_rows_were_told_of() -> None:
    world = Book()
    world.book.hold(EVERYTHING, SCOPE, [])
    ended_ms = 30 * HOUR_MS
    assert world.settle(ended_ms) == [("", "resolved")]
    for number, key in enumerate((PART, OTHER), 1):
        world.book.hold(key, SCOPE, [])
        assert world.settle(ended_ms + number * 50_000) == []


@pytest.mark.parametrize("kinds", [(), ("features",)])
def test_what_another_family_decides_is_no_look_at_it(kinds: tuple[str, ...]) -> None:
    world = Book()
    world.book.hold(EVERYTHING, SCOPE, [])
    world.settle(2 * HOUR_MS)
    assert list(world.book.settle("m", 100 * HOUR_MS, kinds)) == []  # type: ignore[arg-type]  # kinds of alerts


def test_the_end_of_an_alert_says_how_severe_it_was() -> None:
    """The burn rate of an hour ends first, that of six hours is a warning."""
    world, told = Book(), []
    for at_ms, severities in ((2, ("error", "warning")), (3, ("warning",)), (4, ())):
        world.restart()
        found = [msgspec.structs.replace(firing(at_ms * HOUR_MS), severity=severity) for severity in severities]
        for scope, number in ((SCOPE, 0), ("burn 6h", 1)):
            mine = [one for one in found if (one.severity == "warning") == bool(number)]
            world.book.hold(EVERYTHING, scope, mine)
        told += world.book.settle("m", at_ms * HOUR_MS, ("latency", "errors"))
    assert [(one.status, one.severity, one.worst) for one in told if one.key == EVERYTHING] == [
        ("firing", "warning", "error"),
        ("resolved", "warning", "error"),
    ]
