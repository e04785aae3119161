from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.category_counts import MAX_NAME, CategoryCounts


@given(st.lists(st.lists(st.text(max_size=3), max_size=30), max_size=5), st.integers(1, 10))
def test_every_count_it_keeps_is_exact(batches: list[list[str]], limit: int) -> None:
    sketch = CategoryCounts(limit)
    for batch in batches:
        sketch.update(batch)
    true = Counter(name for batch in batches for name in batch)
    kept = sketch.counts()
    assert len(kept) == min(limit, len(true))
    assert all(true[name] == n for name, n in kept.items())
    assert sketch.other == sum(true.values()) - sum(kept.values())


def test_what_is_kept_does_not_depend_on_frequency() -> None:
    names = [f"name-{number}" for number in range(200)]
    rare, common = CategoryCounts(10), CategoryCounts(10)
    rare.update(names)
    common.update(np.repeat(names, range(1, 201)).tolist())
    assert list(rare.counts()) == list(common.counts())


@given(st.lists(st.text(max_size=3), max_size=30), st.integers(1, 5), st.integers(0, 5))
def test_narrowed_later_is_narrow_from_the_start(names: list[str], limit: int, more: int) -> None:
    narrow, wide = CategoryCounts(limit), CategoryCounts(limit + more)
    narrow.update(names)
    wide.update(names)
    assert wide.narrowed(limit).snapshot() == narrow.snapshot()
    with pytest.raises(ValueError, match="cannot come back"):
        narrow.narrowed(limit + 1)


def test_most_frequent_first_ties_by_name() -> None:
    sketch = CategoryCounts()
    sketch.update(["c", "b", "a", "a", "b", "d"])
    assert sketch.top(3) == [("a", 2), ("b", 2), ("c", 1)]
    assert sketch.total == 6


def test_a_long_name_is_cut() -> None:
    sketch = CategoryCounts()
    sketch.update(["x" * 1_000_000])
    assert sketch.top(1) == [("x" * MAX_NAME, 1)]


def test_limit_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="limit"):
        CategoryCounts(0)
