"""Burn rates: what fires, when it ends, and that it does not matter in how many steps one looks."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.monitor.burn_rate import PAIRS, BurnMemory, BurnPair, burn_transitions
from stream.monitor.config import MonitorConfig
from stream.monitor.rules import BudgetRule
from stream.monitor.service_ledger import Counters

PANE_MS = 50_000
HOUR_MS = 3_600_000
RULE = BudgetRule("errors", 0.01, ())


def counters(errors: list[int], rows: int = 100) -> Counters:
    starts = np.arange(len(errors)) * PANE_MS
    zero = np.zeros(len(errors), np.int64)
    return np.column_stack([starts, starts + PANE_MS, zero + rows, errors, zero, zero]).astype(np.int64)


def transitions(table: Counters, pair: BurnPair, spans: Iterable[tuple[int, int]]) -> list[tuple[int, bool]]:
    memory, found = BurnMemory(), []
    for span in spans:
        found += burn_transitions(table, RULE, pair, memory, span, MonitorConfig())
    return [(t.at_ms, t.firing is not None) for t in found]


def test_an_outage_fires_in_the_fast_pair_and_ends_after_five_clean_minutes() -> None:
    errors = [0] * 72 + [60] * 36 + [0] * 200
    fired, ceased = transitions(counters(errors), PAIRS[0], [(-1, 400 * PANE_MS)])
    assert fired == ((72 + 18) * PANE_MS, True)
    assert ceased[0] <= (108 + 12) * PANE_MS
    assert ceased[1] is False


def test_a_trickle_below_the_budget_never_fires() -> None:
    assert not any(transitions(counters([1, 0] * 500), pair, [(-1, 1000 * PANE_MS)]) for pair in PAIRS)


def test_few_requests_are_no_outage() -> None:
    assert transitions(counters([1] * 20, rows=2), PAIRS[0], [(-1, 100 * PANE_MS)]) == []


def test_the_slow_pair_sees_a_leak_that_the_fast_one_does_not() -> None:
    table = counters([8] * 600)
    assert transitions(table, PAIRS[0], [(-1, 600 * PANE_MS)]) == []
    assert transitions(table, PAIRS[1], [(-1, 600 * PANE_MS)])[0][1] is True


@given(
    errors=st.lists(st.sampled_from([0, 0, 0, 5, 60]), min_size=1, max_size=250),
    cuts=st.lists(st.integers(0, 300 * PANE_MS), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_many_looks_see_what_one_look_sees(errors: list[int], cuts: list[int]) -> None:
    table, end = counters(errors), 300 * PANE_MS
    instants = [-1, *sorted(set(cuts)), end]
    for pair in PAIRS:
        spans = list(pairwise(instants))
        assert transitions(table, pair, spans) == transitions(table, pair, [(-1, end)])


@pytest.mark.parametrize("budget", [0.0, 0.01, 0.5, 1.0])
def test_a_pair_never_asks_for_more_than_everything(budget: float) -> None:
    assert all(pair.threshold(budget) <= 1 for pair in PAIRS)
