"""Deciding on traffic, and on budgets over named windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, stdtr

from detectors.blocks import BlockReference
from stream.monitor.budget import Budget
from stream.monitor.config import MonitorConfig
from stream.monitor.memory import Firing, ScopeMemory, WindowVerdict
from stream.monitor.reference_index import ReferenceIndex
from stream.monitor.rules import BudgetRule
from stream.monitor.service_ledger import ERRORS, LATENCIES, ROWS, SLOW
from stream.monitor.traffic_slots import TrafficSlots, known_rows
from stream.timeline.durations import MS_PER_UNIT
from stream.timeline.windows import Season, WindowScheme
from tidegauge.alerts import Finding, Window

MIN_TRAFFIC_CHANGE = 0.2
"""Change of traffic, as a share of what is expected, below which nobody wants to know."""

_BUDGET_ALPHA = 1e-4
"""Chance that a service exactly on its budget alarms at one closing."""

_THREE_WEEKS_MS = 3 * MS_PER_UNIT["w"]


@dataclass(frozen=True)
class TrafficBand:
    """Rows expected in a window, the bounds that healthy windows leave with the allowed probability, and their sd."""

    expected: float
    lower: float
    upper: float
    sd: float

    def p_value(self, rows: int, df: int) -> float:
        """Return the probability that a healthy window is at least this far out; 0 for silence."""
        if not rows or not self.sd > 0:
            return 0.0 if rows != self.expected else 1.0
        return 2 * float(stdtr(df, -abs(rows - self.expected) / self.sd))


class TrafficView:
    """Rows of the reference's blocks, by hour of the week (weekday, for windows of days) where it covers three weeks.

    Traffic has weeks even when nobody declared a season: without phases a Sunday would be an outage. Windows of several
    hours are compared with those that closed at the same time of the week, see `TrafficSlots`.
    """

    def __init__(self, index: ReferenceIndex, scheme: WindowScheme, segment: str) -> None:
        blocks = index.blocks(scheme)
        self.scheme = scheme
        covers_ms = len(blocks) * scheme.length_ms  # by the calendar: blocks follow each other
        weekly = covers_ms >= _THREE_WEEKS_MS and scheme.whole_days <= 1
        self.season: Season | None = "1w" if weekly else index.compiled.season
        self._seasonal = seasonal = scheme.phases(self.season) > 1
        self._slots: TrafficSlots | None = None
        if blocks and self.season is not None and not scheme.whole_days and scheme.length_ms > MS_PER_UNIT["h"]:
            self._slots = TrafficSlots(index, scheme, segment, self.season)
            self.blocks = self._slots.blocks
            return
        phases = np.array([scheme.phase(b.end_ms, self.season) for b in blocks], dtype=np.int64) if seasonal else None
        self.blocks = BlockReference(known_rows(index, segment, blocks), phases=phases)

    def band(self, end_ms: int, alpha: float) -> TrafficBand | None:
        """Return what a window that closes at `end_ms` should hold; None when the reference cannot say."""
        blocks, phase = self._healthy(end_ms)
        if not blocks.calibrated or blocks.expected(phase) != blocks.expected(phase):
            return None
        lower, upper = blocks.interval(alpha, phase)
        return TrafficBand(blocks.expected(phase), max(0.0, lower), upper, blocks.prediction_sd(phase))

    def _healthy(self, end_ms: int) -> tuple[BlockReference, int | None]:
        if self._slots is not None:
            return self._slots.at(end_ms)
        return self.blocks, self.scheme.phase(end_ms, self.season) if self._seasonal else None


def judge_traffic(
    memory: ScopeMemory, view: TrafficView, budget: Budget, rows: int, window: Window
) -> tuple[TrafficBand | None, list[Firing]]:
    """Judge the number of rows; where zero lies inside the band, no traffic is no alarm."""
    alpha = budget.allowance("traffic", view.scheme).alpha
    band = view.band(window.end_ms, alpha)
    if band is None:
        return None, []
    changed = abs(rows - band.expected) >= MIN_TRAFFIC_CHANGE * band.expected
    outside = not band.lower <= rows <= band.upper
    remembered = memory.subject("traffic").window
    p_value = band.p_value(rows, view.blocks.df)
    remembered.step(window, WindowVerdict(p_value, alpha, view.blocks.blocks, outside and changed, not outside))
    if not remembered.firing:
        return band, []
    finding = Finding(
        subject="traffic",
        detector="window",
        value=float(rows),
        threshold=round(band.lower if rows < band.expected else band.upper, 1),
        since_ms=remembered.since_ms,
        effects={"expected": round(band.expected, 1)},
    )
    return band, [Firing(finding=finding, severity="warning", window=window, n=rows)]


def judge_budget(
    memory: ScopeMemory, rule: BudgetRule, totals: NDArray[np.int64], window: Window, config: MonitorConfig
) -> list[Firing]:
    """Judge the share of bad requests of a named window: more than the budget, and more than chance.

    Significant by the exact binomial tail: P(X >= bad) for n requests that fail with the budget's probability. A window
    without requests spends nothing and ends what was firing: a version may be gone for good; silence is for `traffic`.
    """
    bad, total = (SLOW, LATENCIES) if rule.kind == "latency" else (ERRORS, ROWS)
    count, n = int(totals[bad - ROWS]), int(totals[total - ROWS])
    tail = float(bdtrc(count - 1, n, rule.budget)) if count and n else 1.0
    over = n >= config.burn_events_min and count > rule.budget * n
    remembered = memory.subject(rule.kind).window
    remembered.step(window, WindowVerdict(tail, _BUDGET_ALPHA, 0, large=over, clears=not over))
    if not remembered.firing:
        return []
    finding = Finding(
        subject=rule.kind,
        detector="window",
        value=round(count / n, 6) if n else 0.0,
        threshold=rule.budget,
        since_ms=remembered.since_ms,
    )
    return [Firing(finding=finding, severity="error", window=window, n=n)]
