"""What drifted when, and how long that is known."""

from stream.monitor.drift_log import PREFIX, DriftEntry, DriftLog
from stream.monitor.fields import Fields
from stream.monitor.schedule import FOREVER_MS
from stream.monitor.state import MonitorState
from stream.monitor.streams import Stream, field_name
from tests.stream.monitor.world import HOUR_MS
from tidegauge.alerts import Finding

ALL = Stream("m", "v1", "")
HOP_MS = HOUR_MS // 6


def hours(log: DriftLog, stop: int, firing: range) -> None:
    """Add windows of an hour; those that close in a range of hops fire."""
    for hop in range(6, stop):
        findings = [Finding(subject="a", detector="window", value=1.0, threshold=0.5)] if hop in firing else []
        log.add(ALL, DriftEntry(hop * HOP_MS, "1h", 4, findings), hop * HOP_MS - HOUR_MS)


def fired(log: DriftLog, stop: int) -> list[int]:
    return [hop for hop in range(1, stop) if log.fired(ALL, (hop - 1) * HOP_MS, hop * HOP_MS, FOREVER_MS)]


def test_drift_is_known_as_long_as_its_panes_are_kept() -> None:
    log = DriftLog(Fields())
    hours(log, 1000, range(20, 23))
    log.drop_before("m", 900 * HOP_MS, 10 * HOP_MS)
    assert fired(log, 1000) == [20, 21, 22]
    log.drop_before("m", 900 * HOP_MS, 22 * HOP_MS)
    assert fired(log, 1000) == []


def test_a_window_says_nothing_of_what_came_before_it() -> None:
    log = DriftLog(Fields())
    hours(log, 7, range(6, 7))
    log.add(ALL, DriftEntry(100 * HOP_MS, "1h", 4, [Finding(subject="a", detector="window")]), 94 * HOP_MS)
    assert fired(log, 120) == [*range(1, 7), *range(95, 101)]


def test_of_two_windows_that_close_together_the_shorter_speaks() -> None:
    log = DriftLog(Fields())
    hours(log, 145, range(0))
    log.add(ALL, DriftEntry(144 * HOP_MS, "1d", 4, [Finding(subject="a", detector="window")]), 0)
    assert fired(log, 145) == []


def test_stretches_come_back_and_follow_from_the_windows_of_older_state() -> None:
    state = MonitorState()
    hours(state.drift_log, 100, range(20, 23))
    fields = {field: value for field, value in state.fields.take().items() if value is not None}
    older = {field: value for field, value in fields.items() if field == field_name(PREFIX, *ALL)}
    assert len(older) < len(fields)
    for stored in (fields, older):
        again = MonitorState()
        again.load(stored)
        again.drift_log.drop_before("m", 90 * HOP_MS, 0)
        assert fired(again.drift_log, 100) == [20, 21, 22]


def test_nothing_is_kept_of_a_version_that_is_gone() -> None:
    state = MonitorState()
    hours(state.drift_log, 100, range(20, 23))
    stored = state.fields.take()
    state.drift_log.drop_before("m", 99 * HOP_MS, 10 * HOP_MS)
    assert fired(state.drift_log, 100) == [20, 21, 22]
    state.drift_log.drop_before("m", 99 * HOP_MS, 99 * HOP_MS)
    stored |= state.fields.take()
    assert len(stored) == 2
    assert set(stored.values()) == {None}
    assert list(state.drift_log.of_models(["m"])) == []
