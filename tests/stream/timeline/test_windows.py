import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.timeline.durations import DAY_MS, parse_duration
from stream.timeline.panes import EpochPanes, LocalDayPanes
from stream.timeline.windows import MIN_HOP_MS, WindowScheme

NEW_YORK = "America/New_York"
HOUR_MS = 3_600_000


def local_ms(*parts: int) -> int:
    return int(dt.datetime(*parts, tzinfo=ZoneInfo(NEW_YORK)).timestamp()) * 1000


def utc_ms(*parts: int) -> int:
    return int(dt.datetime(*parts, tzinfo=dt.UTC).timestamp()) * 1000


def test_whole_days_close_at_local_midnight_and_hop_one_day() -> None:
    week = WindowScheme("7d", NEW_YORK)
    assert week.pane_scheme == LocalDayPanes(NEW_YORK)
    closes = week.closes(local_ms(2013, 3, 10), local_ms(2013, 3, 12))
    assert [(w.start_ms, w.end_ms) for w in closes] == [
        (local_ms(2013, 3, 4), local_ms(2013, 3, 11)),
        (local_ms(2013, 3, 5), local_ms(2013, 3, 12)),
    ]
    assert closes[0].end_ms - closes[0].start_ms == 7 * DAY_MS - HOUR_MS


@pytest.mark.parametrize(
    ("length", "hop_ms"), [("1h", 600_000), ("6h", HOUR_MS), ("5m", 50_000), ("20s", 10_000), ("10s", 10_000)]
)
def test_shorter_windows_hop_a_sixth_but_never_below_ten_seconds(length: str, hop_ms: int) -> None:
    scheme = WindowScheme(length)
    assert scheme.pane_scheme == EpochPanes(hop_ms)
    assert [w.end_ms for w in scheme.closes(0, 2 * hop_ms)] == [hop_ms, 2 * hop_ms]


@given(st.sampled_from([text for s in range(1, 86_401) if 86_400 % s == 0 and s >= 10 for text in (f"{s}s",)]))
def test_every_divisor_of_a_day_is_a_union_of_its_hops(length: str) -> None:
    scheme = WindowScheme(length)
    if scheme.whole_days:
        return
    hop_ms = scheme.pane_scheme.end(0)
    assert hop_ms >= MIN_HOP_MS
    assert parse_duration(length) % hop_ms == 0


@pytest.mark.parametrize("length", ["7h", "36h", "5s", "0d", "0s", "1.5d", "tomorrow"])
def test_lengths_that_are_no_windows(length: str) -> None:
    with pytest.raises(ValueError, match=length):
        WindowScheme(length)


@given(
    st.sampled_from(["1h", "5m", "1d", "7d"]),
    st.integers(min_value=local_ms(2013, 3, 1), max_value=local_ms(2013, 12, 1)),
    st.lists(st.integers(min_value=0, max_value=2 * DAY_MS), max_size=4),
)
@settings(deadline=None, max_examples=40)
def test_closes_are_the_same_however_time_advances(length: str, start_ms: int, steps: list[int]) -> None:
    scheme = WindowScheme(length, NEW_YORK)
    at_once = scheme.closes(start_ms, start_ms + sum(steps))
    piecewise = []
    now_ms = start_ms
    for step in steps:
        piecewise += scheme.closes(now_ms, now_ms + step)
        now_ms += step
    assert piecewise == at_once


def test_blocks_are_disjoint_and_inside() -> None:
    blocks = WindowScheme("1d", NEW_YORK).blocks(local_ms(2013, 2, 1, 5), local_ms(2013, 3, 1, 5))
    assert [blocks[0].start_ms, blocks[-1].end_ms] == [local_ms(2013, 2, 2), local_ms(2013, 3, 1)]
    assert len(blocks) == 27
    assert all(a.end_ms == b.start_ms for a, b in pairwise(blocks))
    assert len(WindowScheme("7d", NEW_YORK).blocks(local_ms(2013, 2, 1), local_ms(2013, 3, 1))) == 4
    assert [b.start_ms for b in WindowScheme("1h").blocks(1, 3 * HOUR_MS)] == [HOUR_MS, 2 * HOUR_MS]


def test_phase_is_that_of_the_last_instant_in_local_time() -> None:
    day, hour = WindowScheme("1d", NEW_YORK), WindowScheme("1h", NEW_YORK)
    tuesday = local_ms(2013, 7, 2)
    assert day.phase(tuesday, "1w") == 0, "the block that ends at Tuesday 0:00 is a Monday"
    assert hour.phase(tuesday, "1w") == 23
    assert hour.phase(tuesday + HOUR_MS, "1w") == 24
    assert hour.phase(tuesday + HOUR_MS, "1d") == 0
    assert day.phase(tuesday, "1d") == day.phase(tuesday, None) == 0
    assert [day.phases(s) for s in (None, "1d", "1w")] == [1, 1, 7]
    assert [hour.phases(s) for s in (None, "1d", "1w")] == [1, 24, 168]
    assert [WindowScheme(length).phases("1w") for length in ("10m", "6h", "2d", "7d", "14d")] == [168, 28, 7, 1, 1]


@pytest.mark.parametrize(
    "timezone", ["UTC", "Europe/London", "Europe/Berlin", "Europe/Helsinki", NEW_YORK, "Asia/Kolkata"]
)
@pytest.mark.parametrize("length", ["2h", "90m", "6h", "12h"])
def test_a_window_of_several_hours_has_the_phase_of_the_block_it_ends_in(length: str, timezone: str) -> None:
    """Blocks are cut in UTC: summer time makes no block of an afternoon one of an evening."""
    scheme = WindowScheme(length, timezone)
    per_day = DAY_MS // scheme.length_ms
    for monday in (utc_ms(2021, 1, 4), utc_ms(2021, 7, 5)):
        blocks = scheme.blocks(monday, monday + 7 * DAY_MS)
        assert [scheme.phase(block.end_ms, "1w") for block in blocks] == list(range(7 * per_day))
        assert [scheme.phase(block.end_ms, "1d") for block in blocks] == [*range(per_day)] * 7
        for block in blocks[:per_day]:
            closes = scheme.closes(block.start_ms, block.end_ms)
            assert {scheme.phase(window.end_ms, "1d") for window in closes} == {scheme.phase(block.end_ms, "1d")}
            assert [window for window in closes if scheme.fits_phase(window.end_ms, "1d")] == [block]
            assert all(scheme.fits_phase(window.end_ms, None) for window in closes)


def test_short_windows_have_the_hour_of_the_block_they_end_in() -> None:
    """Hours of UTC end at half hours in Kolkata: 4:00 to 5:00 is half past nine to half past ten."""
    hour = WindowScheme("1h", "Asia/Kolkata")
    block_ms = utc_ms(2021, 3, 1, 4)
    closes = hour.closes(block_ms, block_ms + HOUR_MS)
    assert [hour.phase(window.end_ms, "1d") for window in closes] == [10] * 6
    assert all(hour.fits_phase(window.end_ms, "1d") for window in closes)
    assert all(WindowScheme("7d", NEW_YORK).fits_phase(ms, "1w") for ms in (block_ms, block_ms + 1))
