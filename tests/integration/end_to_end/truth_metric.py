"""One metric of outcomes: against healthy days of the same label age, and what holds until labels are final."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from integration.end_to_end.truth_detectors import Cusum, Found, Held, WindowTest
from integration.end_to_end.truth_model import (
    HORIZON_MS,
    LABELLED_MIN,
    OUTCOMES,
    PER_DAY,
    ROWS_MIN,
    Day,
    Metric,
)
from integration.end_to_end.truth_windows import Blocks, Numbers
from scipy import stats


class Judge:
    """One metric of one segment at one label age."""

    def __init__(self, name: str, blocks: Blocks, limit: float) -> None:
        self.name, self.blocks = name, blocks
        self.kind, self.side, self.both, self.least = OUTCOMES[name]
        self.alpha = PER_DAY[self.kind]
        self.cusum = Cusum(limit, two_sided=self.both)
        self.test = WindowTest(self.alpha, len(blocks.healthy))
        self.latched = self.stepped = False

    def state(self, day: Day, numbers: Numbers, rung: int, judged_age: int) -> str:
        """Return whether a day is judged at a label age."""
        if not len(self.blocks.healthy):
            return "learning"
        if rung not in {judged_age, HORIZON_MS}:
            return "provisional"
        coverage = self.name == "coverage"
        state = day.state(
            len(day.on_time) if coverage else int(numbers["labelled"]), ROWS_MIN if coverage else LABELLED_MIN
        )
        return "uncalibrated" if state == "ok" and self.blocks.df < 7 else state

    def harm(self, value: float) -> float:
        """Return how much worse than healthy."""
        worse = self.side * (value - float(self.blocks.healthy.mean()))
        return abs(worse) if self.both else worse

    def step(self, day: Day, value: float, recent: float, *, horizon: bool) -> None:
        """Take a day."""
        z = self.side * self.blocks.z(value)
        p_value = 2 * stats.t.sf(abs(z), self.blocks.df) if self.both else stats.t.sf(z, self.blocks.df)
        harm = self.harm(value)
        clears = harm <= max(0.9 * self.least, 0.5 * self.margin)
        self.test.step(day.start_ms, float(p_value), large=harm >= self.least, clears=clears)
        if horizon:
            self.cusum.step(z, day.start_ms)
            self.stepped = True
            lasting = (0.5 if self.latched else 1) * self.least
            self.latched = self.cusum.firing and (harm >= self.least or self.harm(recent) >= lasting)

    def finding(self, day: Day, numbers: Numbers, *, horizon: bool) -> Found | None:
        """Return what holds."""
        value = numbers[self.name]
        severity = "error" if self.kind == "performance" and horizon else "warning"
        effects = ((self.name, value),)
        n, coverage = int(numbers["labelled"]), numbers["coverage"]
        common: Any = {**day.span, "severity": severity, "n": n, "coverage": coverage, "effects": effects}
        if self.latched:
            held = ("cusum", self.cusum.value, self.cusum.limit, self.cusum.onset)
        elif self.test.firing:
            held = ("window", value, self.threshold(value), self.test.since_ms)
        else:
            return None
        detector, told, threshold, since_ms = held
        return Found(self.name, detector=detector, value=told, threshold=threshold, since_ms=since_ms, **common)

    def threshold(self, value: float) -> float:
        """Return what a window must lie beyond: the healthy days' bound, or the least harm where that is further."""
        mean = float(self.blocks.healthy.mean())
        side = math.copysign(1, value - mean) if self.both else self.side
        return mean + side * max(self.margin, self.least)

    @property
    def margin(self) -> float:
        """How far from healthy the healthy days' bound lies."""
        return float(stats.t.isf(self.alpha / (2 if self.both else 1), self.blocks.df) * self.blocks.spread)

    def metric(self, state: str, value: float) -> Metric:
        """Return what the report says."""
        if self.blocks.df < 1:
            return Metric(self.name, state, value, None, None, None, None)
        lower, upper = self.blocks.interval(0.01)
        shown = self.cusum.value if self.stepped else None
        return Metric(self.name, state, value, lower, upper, self.side * self.blocks.z(value), shown)


def until_final(held: list[Held]) -> Iterator[Held]:
    """Let what fired before the horizon stand until the horizon has judged the same window.

    So one bad day is one episode, told early as a warning, and an error once its labels have matured.
    """
    final_ms = 0
    early: dict[str, Held] = {}
    for one in held:
        if one.order[1] == HORIZON_MS:
            final_ms = one.instant_ms - one.order[1]
            for scope, before in list(early.items()):
                if before.found[0].end_ms <= final_ms:
                    del early[scope]
                    yield replace(one, scope=scope, found=())
        elif one.found:
            early[one.scope] = one
        elif one.scope in early and early[one.scope].found[0].end_ms > final_ms:
            continue
        else:
            early.pop(one.scope, None)
        yield one
