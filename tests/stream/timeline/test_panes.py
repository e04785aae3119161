import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.timeline import panes as panes_module
from stream.timeline.durations import DAY_MS
from stream.timeline.panes import EpochPanes, LocalDayPanes, PaneScheme, midnight_alignment_ms

HOUR_MS = 3_600_000
ZONES = ["UTC", "America/New_York", "Europe/Lisbon", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu"]


def utc_ms(*parts: int) -> int:
    return int(dt.datetime(*parts, tzinfo=dt.UTC).timestamp()) * 1000


def local_ms(zone: str, *parts: int) -> int:
    return int(dt.datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 1000


@pytest.mark.parametrize(
    "scheme", [EpochPanes(600_000), EpochPanes(50_000), *(LocalDayPanes(zone) for zone in ZONES)], ids=str
)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_timestamp_lies_in_its_pane_and_panes_touch(scheme: PaneScheme, data: st.DataObject) -> None:
    moments = data.draw(st.lists(st.integers(min_value=0, max_value=utc_ms(2037, 1, 1)), min_size=1, max_size=20))
    starts = scheme.starts(np.array(moments, dtype=np.int64))
    for moment, start in zip(moments, starts.tolist(), strict=True):
        assert start <= moment < scheme.end(start)
        assert scheme.start(moment) == start
        assert scheme.start(start) == start
        assert scheme.start(scheme.end(start) - 1) == start
        assert scheme.start(scheme.end(start)) == scheme.end(start)


@given(st.integers(min_value=utc_ms(1990, 1, 1), max_value=utc_ms(2037, 1, 1)), st.sampled_from(ZONES))
@settings(deadline=None)
def test_a_local_day_holds_one_date(moment: int, zone: str) -> None:
    panes = LocalDayPanes(zone)
    start = panes.start(moment)

    def date(at_ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(at_ms / 1000, tz=ZoneInfo(zone)).date()

    assert date(start) == date(moment) == date(panes.end(start) - 1)
    assert date(start - 1) != date(start)


def test_days_of_the_clock_change_have_23_and_25_hours() -> None:
    panes = LocalDayPanes("America/New_York")
    lengths = [
        panes.end(start) - start for start in (local_ms("America/New_York", 2013, m, d) for m, d in ((3, 10), (11, 3)))
    ]
    assert lengths == [23 * HOUR_MS, 25 * HOUR_MS]


def test_a_date_the_zone_skipped_has_no_pane() -> None:
    panes = LocalDayPanes("Pacific/Apia")
    before = local_ms("Pacific/Apia", 2011, 12, 29, 12)
    assert panes.end(before) == local_ms("Pacific/Apia", 2011, 12, 31)


def test_wild_timestamps_fall_back_to_utc_days_and_bound_the_table() -> None:
    panes = LocalDayPanes("America/New_York")
    wild = np.array([-(1 << 60), 0, utc_ms(2013, 7, 1), 1 << 60], dtype=np.int64)
    starts = panes.starts(wild)
    assert (starts <= wild).all()
    assert (wild - starts < 25 * HOUR_MS).all()
    for year in range(1900, 2100):
        panes.start(utc_ms(year, 6, 1))
    assert panes_module._tabulate.cache_info().currsize <= 256


def test_schemes_of_one_zone_share_their_table(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def zone_of(name: str) -> ZoneInfo:
        asked.append(name)
        return ZoneInfo(name)

    monkeypatch.setattr(panes_module, "ZoneInfo", zone_of)
    noon = utc_ms(1975, 6, 1, 12)
    for _ in range(3):
        days = LocalDayPanes("Pacific/Chatham")
        assert days.start(noon) <= noon < days.end(noon)
    assert asked == ["Pacific/Chatham"]


def test_an_empty_batch_has_no_panes() -> None:
    assert LocalDayPanes("UTC").starts(np.empty(0, dtype=np.int64)).size == 0


def test_schemes_are_values() -> None:
    one, other = LocalDayPanes("UTC"), LocalDayPanes("UTC")
    one.start(0)
    assert one == other
    assert hash(one) == hash(other)
    assert EpochPanes(1000) != EpochPanes(2000)
    assert one.start(DAY_MS + 1) == DAY_MS


def test_alignment_with_local_midnight() -> None:
    assert midnight_alignment_ms("America/New_York") == HOUR_MS
    assert midnight_alignment_ms("Asia/Kathmandu") == 15 * 60_000
    assert midnight_alignment_ms("Australia/Lord_Howe") == 30 * 60_000
