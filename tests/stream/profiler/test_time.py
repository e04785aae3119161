"""Watermarks, clamping and silence."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.profiler.schedule import Progress
from stream.profiler.silence import Silence
from stream.profiler.watermarks import TopicClock, clamp

EVENTS = st.lists(st.tuples(st.integers(0, 1_000), st.booleans()), min_size=1, max_size=30)


@given(EVENTS, st.integers(1, 30))
def test_a_row_is_judged_by_the_watermark_before_its_message(events: list[tuple[int, bool]], size: int) -> None:
    """In batches of any size as one event after the other."""
    newest = floor = -1
    expected = []
    for at, control in events:
        if control:
            floor = max(floor, at)
        else:
            expected.append(max(newest - 100, floor, -1))
            newest = max(newest, at)
    clock, found = TopicClock(), []
    for first in range(0, len(events), size):
        some = events[first : first + size]
        rows = [(i, at) for i, (at, control) in enumerate(some) if not control]
        controls = [(i, at) for i, (at, control) in enumerate(some) if control]
        times = np.array([at for _, at in rows], dtype=np.int64)
        before = clock.advance(len(some), times, np.array([i for i, _ in rows], dtype=np.int64), controls)
        found.extend(before.watermarks(100).tolist())
    assert found == expected
    assert (clock.newest_ms, clock.floor_ms) == (newest, floor)


def test_rows_of_one_message_are_judged_by_the_watermark_before_it() -> None:
    clock = TopicClock(newest_ms=1_000)
    before = clock.advance(1, np.array([9_000, 500], dtype=np.int64), np.array([0, 0]), [])
    assert before.watermarks(100).tolist() == [900, 900]
    assert clock.watermark_ms(100) == 8_900


def test_only_timestamps_ahead_of_the_broker_are_clamped() -> None:
    rows, broker = np.array([500, 2_000, 9_000]), np.array([1_000, 1_000, -1])
    clamped, count = clamp(rows, broker, 100)
    assert (clamped.tolist(), count) == ([500, 1_100, 9_000], 1)


def test_silence_moves_on_at_the_wall_clocks_rate_until_a_message_comes() -> None:
    silence = Silence(30_000)
    before = Progress(5_000, 4_000)
    assert silence.floors(129_999, 100_000, before, 10_000) is None
    assert silence.floors(130_000, 100_000, before, 10_000) == before
    assert silence.floors(131_500, 100_000, before, 10_000) == Progress(6_500, 5_500)
    assert silence.declared
    silence.end()
    assert not silence.declared
    assert silence.floors(140_000, None, before, 10_000) is None


def test_a_topic_without_events_stands_where_the_silence_began() -> None:
    silence = Silence(30_000)
    assert silence.floors(130_000, 100_000, Progress(-1, 7), 10_000) == Progress(90_000, 7)


def test_never_idle_when_told_so() -> None:
    assert Silence(None).floors(10**12, 0, Progress(1, 1), 10_000) is None
