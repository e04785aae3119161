"""Requests: traffic, budgets, burn rates and late rows, day by day and from minute to minute."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from integration.end_to_end.scenario import DAY, HOUR, MINUTE, SECOND, SLO_MS, VERSION
from integration.end_to_end.truth_detectors import Found, Held, WindowTest
from integration.end_to_end.truth_model import LATE, PER_DAY, ROWS_MIN, SERVICE, Day
from integration.end_to_end.truth_rows import RETENTION_MS
from integration.end_to_end.truth_windows import Blocks
from scipy import stats

BUDGET, ERROR_BUDGET = 0.01, 0.02
PAIRS = (
    ("1h", HOUR, 5 * MINUTE, 50 * SECOND, 14.4, "error"),
    ("6h", 6 * HOUR, 30 * MINUTE, 5 * MINUTE, 6.0, "warning"),
)
"""Long and short window of a burn rate, the hop of the short one, budgets spent, severity."""


def traffic(days: list[Day], blocks: Blocks, segment: str) -> Iterator[Held]:
    """Judge the number of rows of each day against that of healthy days."""
    expected, (lower, upper) = float(blocks.healthy.mean()), blocks.interval(PER_DAY["traffic"])
    test = WindowTest(PER_DAY["traffic"], len(blocks.healthy))
    for day in filter(lambda day: day.whole, days):
        n = len(day.on_time)
        outside = not lower <= n <= upper
        large = outside and abs(n - expected) >= 0.2 * expected
        test.step(day.start_ms, 2 * stats.t.sf(abs(blocks.z(n)), blocks.df), large=large, clears=not outside)
        found = Found(
            subject="traffic", severity="warning", detector="window", value=n, since_ms=test.since_ms, n=n, **day.span,
            threshold=round(lower if n < expected else upper, 1), effects=(("expected", round(expected, 1)),),
        )  # fmt: skip
        held = (found,) if test.firing else ()
        yield Held(day.end_ms, SERVICE, (DAY, 0), "", segment, "traffic", "traffic 1d", held)


def errors(days: list[Day], segment: str) -> Iterator[Held]:
    """Judge each day's share of failures: above the budget, and more than chance."""
    test = WindowTest(1e-4)
    for day in days:
        n, bad = len(day.on_time), int(day.on_time["error"].sum())
        over = n >= 100 and bad > ERROR_BUDGET * n
        test.step(day.start_ms, stats.binom.sf(bad - 1, n, ERROR_BUDGET), large=over, clears=not over)
        found = Found(
            subject="errors", severity="error", detector="window", value=bad / n, threshold=ERROR_BUDGET,
            since_ms=test.since_ms, n=n, **day.span,
        )  # fmt: skip
        held = (found,) if test.firing else ()
        yield Held(day.end_ms, SERVICE, (DAY, 0), VERSION, segment, "errors", "service 1d", held)


def late_rows(days: list[Day]) -> Iterator[Held]:
    """Judge each day's share of late rows, an hour later: then no more are taken."""
    for day in days:
        n, late = len(day.all_rows), len(day.all_rows) - len(day.on_time)
        found = Found(
            subject="late rows", severity="warning", detector="window", value=late / n, threshold=0.01,
            since_ms=day.start_ms, n=n, **day.span,
        )  # fmt: skip
        held = (found,) if late / n > 0.01 and n >= ROWS_MIN else ()
        order = (day.end_ms + RETENTION_MS, LATE, (DAY, RETENTION_MS))
        yield Held(*order, VERSION, "", "tidegauge.state", "late 1d", held)


def burn_rates(rows: pd.DataFrame, segment: str) -> Iterator[Held]:
    """Look at each pair of windows whenever the short one closes.

    Both above the limit begin an episode; a short window's length after they last were, it ends.
    """
    known = rows[rows["latency"].notna()].sort_values("ts")
    ts, slow = known["ts"].to_numpy(), (known["latency"] > SLO_MS).to_numpy()
    total = np.concatenate(([0], np.cumsum(slow)))

    def counts(instant: int, length: int) -> tuple[int, int]:
        low, high = np.searchsorted(ts, (instant - length, instant))
        return int(total[high] - total[low]), int(high - low)

    for name, long_ms, short_ms, hop_ms, factor, severity in PAIRS:
        limit, held_ms = factor * BUDGET, None
        begins = int(ts.min()) // hop_ms * hop_ms
        for instant in range(begins, int(ts.max()) + long_ms, hop_ms):
            (bad, n), (short_bad, short_n) = counts(instant, long_ms), counts(instant, short_ms)
            where = (instant, SERVICE, (0, 0), VERSION, segment, "latency", f"burn {name}")
            if n >= 100 and bad >= max(10, limit * n) and short_bad >= max(1, limit * short_n):
                if held_ms is None:
                    found = Found(
                        subject="latency", severity=severity, detector="burn_rate", value=bad / n, threshold=limit,
                        since_ms=instant - short_ms, start_ms=instant - long_ms, end_ms=instant, n=n,
                        effects=(("burn_rate", round(bad / n / BUDGET, 3)),),
                    )  # fmt: skip
                    yield Held(*where, (found,))
                held_ms = instant
            elif held_ms is not None and held_ms + short_ms <= instant:
                yield Held(held_ms + short_ms, *where[1:], ())
                held_ms = None
