"""Burn rates: how fast a budget of bad requests is being spent, over a long and a short window together."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model.part_windows import BURN_RATE_PAIRS
from stream.monitor.config import MonitorConfig
from stream.monitor.memory import Firing
from stream.monitor.rules import BudgetRule
from stream.monitor.service_ledger import END, ERRORS, LATENCIES, ROWS, SLOW, START, Counters
from stream.timeline.durations import parse_duration
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Finding, Severity, Window

FACTORS = {"1h": 14.4, "6h": 6.0}
"""Budgets spent per unit of time that page: 2 % of a month's in an hour, 5 % in six (Site Reliability Workbook, 5)."""

_SEVERITIES: dict[str, Severity] = {"1h": "error", "6h": "warning"}


class BurnMemory(msgspec.Struct):
    """One pair's state: whether it fires, and when the condition last held."""

    firing: bool = False
    since_ms: int = 0
    held_ms: int = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Transition:
    """A pair that begins or ceases to fire at an instant; `firing` None: it ceases."""

    at_ms: int
    pair: str
    firing: Firing | None


@dataclass(frozen=True)
class BurnPair:
    """A long window that says it matters and a short one that says it still goes on."""

    long: str
    short: str

    @property
    def long_ms(self) -> int:
        """Length of the long window."""
        return parse_duration(self.long)

    @property
    def short_ms(self) -> int:
        """Length of the short window."""
        return parse_duration(self.short)

    def threshold(self, budget: float) -> float:
        """Share of bad requests from which the pair fires: a multiple of the budget, never all of them."""
        return min(FACTORS[self.long] * budget, (1 + budget) / 2)


PAIRS = tuple(BurnPair(*pair) for pair in BURN_RATE_PAIRS)


def burn_transitions(
    counters: Counters,
    rule: BudgetRule,
    pair: BurnPair,
    memory: BurnMemory,
    span: tuple[int, int],
    config: MonitorConfig,
) -> Iterator[Transition]:
    """Yield what happens in (span[0], span[1]] to one pair, in order; `memory` follows.

    Both windows are looked at whenever the short one closes, but only near bad requests: without any there is nothing
    to see, and a year of quiet costs nothing. A pair ceases when it did not hold for the length of its short window.
    """
    hop = WindowScheme(pair.short).pane_scheme
    bad, total = (SLOW, LATENCIES) if rule.kind == "latency" else (ERRORS, ROWS)
    instants = _instants(counters, bad, hop.end(0), pair.short_ms, span)
    long, short = (_sums(counters, (bad, total), instants, length) for length in (pair.long_ms, pair.short_ms))
    limit = pair.threshold(rule.budget)
    enough = (long[1] >= config.burn_events_min) & (long[0] >= config.burn_bad_min)
    holds = enough & (long[0] >= limit * long[1]) & (short[0] >= limit * short[1]) & (short[0] > 0)
    for at in np.flatnonzero(holds):
        instant = int(instants[at])
        yield from _cease(memory, pair, instant - 1)
        if not memory.firing:
            memory.firing, memory.since_ms = True, instant
            window = Window(length=pair.long, start_ms=instant - pair.long_ms, end_ms=instant)
            yield Transition(instant, pair.long, _firing(rule, pair, window, (int(long[0][at]), int(long[1][at]))))
        memory.held_ms = instant
    yield from _cease(memory, pair, span[1])


def _cease(memory: BurnMemory, pair: BurnPair, upto_ms: int) -> Iterator[Transition]:
    clear_ms = memory.held_ms + pair.short_ms
    if memory.firing and clear_ms <= upto_ms:
        memory.firing = False
        yield Transition(clear_ms, pair.long, None)


def _firing(rule: BudgetRule, pair: BurnPair, window: Window, counts: tuple[int, int]) -> Firing:
    bad, total = counts
    finding = Finding(
        subject=rule.kind,
        detector="burn_rate",
        value=round(bad / total, 6),
        threshold=round(pair.threshold(rule.budget), 6),
        since_ms=window.end_ms - pair.short_ms,
        effects={"burn_rate": round(bad / total / rule.budget, 3)} if rule.budget else {},
    )
    return Firing(finding=finding, severity=_SEVERITIES[pair.long], window=window, n=total)


def _instants(counters: Counters, bad: int, hop_ms: int, short_ms: int, span: tuple[int, int]) -> NDArray[np.int64]:
    """Return the closing instants of the short window in (span[0], span[1]] whose short window has a bad request."""
    ends = counters[(counters[:, bad] > 0) & (counters[:, END] + short_ms > span[0]), END]
    if not ends.size:
        return np.zeros(0, dtype=np.int64)
    first = -(-ends // hop_ms) * hop_ms
    closes = np.unique(first[:, None] + np.arange(0, short_ms, hop_ms))
    inside: NDArray[np.int64] = closes[(closes > span[0]) & (closes <= span[1])]
    return inside


def _sums(
    counters: Counters, columns: tuple[int, int], instants: NDArray[np.int64], length_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the two columns summed over the panes inside [instant - length, instant), for each instant."""
    low = np.searchsorted(counters[:, START], instants - length_ms, side="left")
    high = np.searchsorted(counters[:, END], instants, side="right")
    high = np.maximum(low, high)
    sums = [np.concatenate(([0], np.cumsum(counters[:, column]))) for column in columns]
    return sums[0][high] - sums[0][low], sums[1][high] - sums[1][low]
