"""When a window test fires and resolves."""

import pytest

from stream.monitor.memory import ScopeMemory, SubjectMemory, WindowMemory, WindowVerdict
from tidegauge.alerts import Window


def window(start: int, length: int = 6) -> Window:
    return Window(length="6h", start_ms=start, end_ms=start + length)


def verdict(p_value: float, blocks: int = 28, for_windows: int = 1, *, clears: bool = False) -> WindowVerdict:
    return WindowVerdict(p_value, 2e-3, blocks, large=True, clears=clears, for_windows=for_windows)


def firing(memory: WindowMemory, *steps: tuple[int, WindowVerdict]) -> list[bool]:
    out = []
    for start, said in steps:
        memory.step(window(start), said)
        out.append(memory.firing)
    return out


def test_28_blocks_cannot_certify_one_in_five_hundred_so_two_windows_must_agree() -> None:
    assert firing(WindowMemory(), (0, verdict(5e-4)), (6, verdict(5e-4))) == [False, True]


def test_overlapping_windows_count_once() -> None:
    steps = [(start, verdict(5e-4)) for start in range(7)]
    assert firing(WindowMemory(), *steps) == [False] * 6 + [True]


def test_one_window_is_enough_far_out_or_with_blocks_enough() -> None:
    assert firing(WindowMemory(), (0, verdict(9e-7))) == [True]
    assert firing(WindowMemory(), (0, verdict(5e-4, blocks=2000))) == [True]


def test_for_is_counted_even_far_out() -> None:
    steps = [(start, verdict(0.0, for_windows=3)) for start in (0, 6, 12)]
    assert firing(WindowMemory(), *steps) == [False, False, True]


def test_a_healthy_window_breaks_the_row() -> None:
    assert not any(firing(WindowMemory(), (0, verdict(5e-4)), (6, verdict(0.5, clears=True)), (12, verdict(5e-4))))


def test_it_holds_until_a_window_clears() -> None:
    steps = [(0, verdict(0.0)), (6, verdict(0.2)), (12, verdict(0.5, clears=True)), (18, verdict(0.2))]
    assert firing(WindowMemory(), *steps) == [True, True, False, False]


def test_another_reference_starts_from_nothing() -> None:
    memory = ScopeMemory()
    memory.bind("one", "x")
    memory.subject("a").step("mean", 3.0, 0, 5.0)
    memory.bind("one", "x")
    assert memory.subject("a").cusum("mean", 5.0).value == pytest.approx(2.0)
    memory.bind("two", "x")
    assert memory.subjects == {}


def test_rows_that_are_counted_otherwise_start_from_nothing() -> None:
    memory = ScopeMemory()
    assert not memory.bind("one", "x")
    memory.subject("a").step("mean", 3.0, 0, 5.0)
    assert memory.bind("one", "y")
    assert memory.subjects == {}


def test_what_is_under_way_goes_on_against_the_next_trailing_reference() -> None:
    memory = ScopeMemory()
    memory.bind("one", "x", trailing=True)
    memory.subject("a").step("mean", 3.0, 0, 5.0)
    memory.bind("two", "x", trailing=True)
    assert memory.subject("a").cusum("mean", 5.0).value == pytest.approx(2.0)
    assert memory.reference == "two"
    assert memory.bind("three", "y", trailing=True)
    assert memory.subjects == {}


def test_memory_that_does_not_know_its_layout_is_kept() -> None:
    memory = ScopeMemory(reference="one", subjects={"a": SubjectMemory(latched=True)})
    assert not memory.bind("one", "x")
    assert memory.subject("a").latched


def test_a_version_that_is_gone_is_forgotten_after_some_empty_blocks() -> None:
    memory = ScopeMemory()
    memory.subject("a").latched = True
    for rows in (0, 0, 5, 0, 0):
        memory.count_rows(rows, most_empty=3)
    assert memory.subjects
    memory.count_rows(0, most_empty=3)
    assert not memory.subjects
