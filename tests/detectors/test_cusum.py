import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.cusum import WinsorisedCusum
from detectors.errors import SnapshotError

SERIES = st.lists(st.floats(-6, 6) | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=60)


@given(SERIES)
def test_sums_are_pages_recursion_while_nothing_has_fired(series: list[float]) -> None:
    cusum = WinsorisedCusum(h=1e9)
    up = down = 0.0
    for z in series:
        assert cusum.update(z) is False
        if not math.isnan(z):
            up = max(0.0, up + min(3, max(-3, z)) - 1)
            down = max(0.0, down - min(3, max(-3, z)) - 1)
        assert (cusum.up, cusum.down) == (up, down)
        assert cusum.value == max(up, down)
        assert cusum.started == (cusum.value > 0)


@given(SERIES, st.integers(0, 60))
def test_a_snapshot_continues_as_if_nothing_had_happened(series: list[float], cut: int) -> None:
    whole, first = WinsorisedCusum(h=2.5), WinsorisedCusum(h=2.5)
    expected = [whole.update(z, at=i) for i, z in enumerate(series)]
    alarms = [first.update(z, at=i) for i, z in enumerate(series[:cut])]
    second = WinsorisedCusum.from_snapshot(first.snapshot())
    alarms += [second.update(z, at=i) for i, z in enumerate(series[cut:], start=cut)]
    assert alarms == expected
    assert second.snapshot() == whole.snapshot()
    assert (second.firing, second.onset) == (whole.firing, whole.onset)


def test_one_wild_block_cannot_alarm_alone() -> None:
    cusum = WinsorisedCusum()
    assert not cusum.update(1e308)
    assert not cusum.update(math.inf)
    assert cusum.update(math.inf)
    assert cusum.up == 6


def test_an_alarm_needs_more_than_the_limit() -> None:
    cusum = WinsorisedCusum(h=4.0)
    assert not any(cusum.update(3) for _ in range(2))
    assert cusum.up == 4
    assert cusum.update(1.5)


def test_an_episode_ends_after_three_successive_quiet_blocks_and_starts_afresh() -> None:
    cusum = WinsorisedCusum()
    for at, z in enumerate([0.5, 2.5, 3, 3]):
        began = cusum.update(z, at=at)
    assert began
    assert cusum.firing
    assert cusum.onset == 1
    for z in (1.0, 0.2, 1.1, 0.9, -2.9):
        assert not cusum.update(z)
        assert cusum.firing
    cusum.update(math.nan)
    assert cusum.firing
    assert not cusum.update(1.0)
    assert not cusum.firing
    assert cusum.up == 0
    assert cusum.onset is None
    assert [cusum.update(3, at=9) for _ in range(3)] == [False, False, True]
    assert cusum.onset == 9


def test_an_episode_begins_once() -> None:
    cusum = WinsorisedCusum()
    assert [cusum.update(3) for _ in range(10)].count(True) == 1


def test_falls_are_watched_unless_one_sided() -> None:
    both, rises = WinsorisedCusum(), WinsorisedCusum(two_sided=False)
    assert [both.update(-3, at=i) for i in range(4)] == [False, False, True, False]
    assert both.onset == 0
    assert both.down == 8
    assert both.up == 0
    assert not any(rises.update(-3) for _ in range(10))
    assert rises.down == 0


def test_the_other_side_may_begin_while_one_is_firing() -> None:
    cusum = WinsorisedCusum()
    for _ in range(3):
        cusum.update(3)
    assert [cusum.update(-3) for _ in range(3)] == [False, False, True]
    assert not cusum.rise.firing
    assert cusum.fall.firing


def test_reset_keeps_the_parameters() -> None:
    cusum = WinsorisedCusum(k=0.5, h=2, two_sided=False)
    cusum.update(3)
    cusum.reset()
    assert cusum.snapshot() == WinsorisedCusum(k=0.5, h=2, two_sided=False).snapshot()


@pytest.mark.parametrize(("k", "h", "clip"), [(3, 5, 3), (-1, 5, 3), (1, 0, 3), (1, math.nan, 3), (math.nan, 5, 3)])
def test_parameters_out_of_range(k: float, h: float, clip: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        WinsorisedCusum(k, h, clip)


def test_damaged_snapshots() -> None:
    data = WinsorisedCusum().snapshot()
    negative_h = data[:9] + b"\xff" * 8 + data[17:]
    for wrong in (b"", data[:-1], data + b"\0", bytes([2]) + data[1:], negative_h):
        with pytest.raises(SnapshotError):
            WinsorisedCusum.from_snapshot(wrong)
