"""Whether the log goes back far enough, in words."""

import msgspec
import pytest

from stream.errors import ConfigurationError, LostStateError
from stream.model.catalog import Catalog
from stream.monitor.outputs import HistorySnapshot
from stream.monitor.schedule import PREFIX, Progress
from stream.monitor.streams import field_name
from stream.rebuild.instants import parse_instant, show
from stream.rebuild.reach import SLACK_MS, Need, Span, check, latest_ms, needs

HOUR = 3_600_000
T = 1_760_000_400_000  # 2025-10-09T09:00:00Z
WHY = "label horizon 2d and longest window 7d before some time"
NEEDS = [Need("late", T + HOUR, WHY), Need("early", T, WHY)]
WHOLE = Span("predictions", 0, 0, 500, None)


def cut(begins_ms: int) -> Span:
    return Span("labels", 3, 17, 500, begins_ms)


def test_the_model_that_reaches_back_furthest_decides() -> None:
    assert latest_ms(NEEDS) == T
    assert latest_ms([]) is None
    check(T, NEEDS, [WHOLE, cut(T - SLACK_MS)])
    check(T - HOUR, NEEDS, [WHOLE, cut(T - HOUR - SLACK_MS)])
    check(0, NEEDS, [WHOLE])
    check(T + 2 * HOUR, [], [WHOLE])


def test_a_log_shorter_than_horizon_and_window_is_lost_state() -> None:
    with pytest.raises(LostStateError, match=r"too short: labels\[3\] begins at 2025-10-09T09:00:00Z") as told:
        check(T, NEEDS, [WHOLE, cut(T)])
    assert "model early needs it from 2025-10-09T09:00:00Z on (label horizon 2d" in str(told.value)
    assert "--cold-start" in str(told.value)
    assert told.value.exit_code == 4


def test_a_log_of_which_nothing_is_left_is_too_short() -> None:
    with pytest.raises(LostStateError, match=r"nothing is left of the 40 records of predictions\[1\]"):
        check(T, NEEDS, [Span("predictions", 1, 40, 40, 1 << 53)])


def test_a_time_too_late_or_before_the_log_is_a_mistake_that_names_what_would_do() -> None:
    with pytest.raises(ConfigurationError, match=r"too late: model early needs the log from 2025-10-09T09:00:00Z on"):
        check(T + 1, NEEDS, [WHOLE])
    before = r"before the log: labels\[3\] begins at 2025-10-09T08:00:00Z; name 2025-10-09T08:01:00Z at the earliest"
    with pytest.raises(ConfigurationError, match=before + " and 2025-10-09T09:00:00Z at the latest") as told:
        check(T - 3 * HOUR, NEEDS, [WHOLE, cut(T - HOUR)])
    assert told.value.exit_code == 2
    with pytest.raises(ConfigurationError, match=r"at the earliest$"):
        check(T - 3 * HOUR, [], [cut(T - HOUR)])


NO_PANE_YET = HistorySnapshot(
    model="old", number=1, fields={field_name(PREFIX, "old"): msgspec.msgpack.encode(Progress())}
)


@pytest.mark.parametrize("kept", [[], [NO_PANE_YET]])
def test_a_model_of_which_history_holds_nothing_needs_its_whole_log(kept: list[HistorySnapshot]) -> None:
    [need] = needs(Catalog(), kept, ["old"], HOUR)
    with pytest.raises(
        LostStateError, match=r"model old needs it from 1970-01-01T00:00:00Z on .`history` holds nothing"
    ):
        check(T, [need], [cut(T - HOUR)])
    with pytest.raises(ConfigurationError, match="too late"):
        check(T, [need], [WHOLE])
    check(0, [need], [WHOLE])


@pytest.mark.parametrize(
    "text",
    ["2025-10-09T09:00:00Z", "2025-10-09 09:00", "2025-10-09T11:00:00+02:00", "1760000400000"],
)
def test_times_are_read_as_people_write_them(text: str) -> None:
    assert parse_instant(text) == T
    assert parse_instant(show(T + 7)) == T + 7


def test_what_is_no_time_is_said() -> None:
    with pytest.raises(ConfigurationError, match="expected ISO 8601"):
        parse_instant("yesterday")


def test_a_day_in_digits_is_a_day() -> None:
    assert parse_instant("20261125") == parse_instant("2026-11-25") == parse_instant("1795564800000")
    assert parse_instant("2026-11-25T06:00:00.001Z") == 1_795_586_400_001


@pytest.mark.parametrize(
    ("text", "found"),
    [("1795564800", "seconds"), ("1795564800000000", "microseconds"), ("1795564800000000000", "nanoseconds")],
)
def test_a_number_in_another_unit_is_named(text: str, found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"expected milliseconds since 1970, found .*{found}"):
        parse_instant(text)
