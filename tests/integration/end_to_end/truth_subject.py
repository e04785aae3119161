"""Drift of one subject: measured on its cells against healthy days, and followed by both detectors."""

from typing import Any

import numpy as np
import pandas as pd
from integration.end_to_end.truth_cells import SCORE, Cells, divergence, healthy_divergences, psi, wasserstein
from integration.end_to_end.truth_detectors import Cusum, Found, WindowTest
from integration.end_to_end.truth_model import EFFECT_BINS, MIN_EFFECT, PER_DAY, TEST_BINS, UNSEEN, Day, Drift
from integration.end_to_end.truth_windows import Blocks
from scipy import stats


class Subject:
    """One feature, or the score, of one segment.

    Parameters
    ----------
    name
        As among the grids.
    healthy
        The reference, day by day.
    grid
        Its cells.
    limit
        Of its sequential detectors.
    """

    def __init__(self, name: str, healthy: list[pd.DataFrame], grid: dict[str, Any], limit: float) -> None:
        self.name = name
        self.column = "score" if name == SCORE else name
        self.kind, self.severity = ("score", "warning") if name == SCORE else ("features", "info")
        self.alpha = PER_DAY[self.kind]
        self.cells = Cells(grid)
        self.cells.reference = [self.cells.count(day[self.column]) for day in healthy]
        self.divergences = healthy_divergences(self.cells, TEST_BINS)
        self.watched = {name: Blocks(np.array(values)) for name, values in self._values(healthy).items()}
        self.cusums = {name: Cusum(limit) for name in self.watched}
        self.stepped = False
        self.test = WindowTest(self.alpha, len(healthy))
        self.latched = self.unseen = False

    def _values(self, days: list[pd.DataFrame]) -> dict[str, list[float]]:
        """Return by name what the sequential detectors watch: a mean, or the shares of common categories."""
        if not self.cells.numeric:
            shares = [counts / counts.sum() for counts in map(self.cells.count, (day[self.column] for day in days))]
            common = self.cells.total / self.cells.total.sum() >= 0.05
            names = (*self.cells.grid["vocabulary"], "unseen", "missing")
            return {name: [float(s[i]) for s in shares] for i, name in enumerate(names) if common[i]}
        if self.name == SCORE:
            return {"mean": [float(day[self.column].mean()) for day in days]}
        return {"mean": [self.cells.mean(self.cells.count(day[self.column])) for day in days]}

    def z(self, day: Day) -> dict[str, float]:
        """Return by name how many standard deviations of healthy days a day lies off."""
        values = self._values([day.on_time])
        return {name: blocks.z(values[name][0]) for name, blocks in self.watched.items()}

    def measure(self, day: Day) -> Drift:
        """Measure a day against the reference."""
        counts = self.cells.count(day.on_time[self.column])
        reference, current = (self.cells.united(c, TEST_BINS) for c in (self.cells.total, counts))
        test = divergence(reference, current, ordered=self.cells.numeric)
        healthy = self.divergences
        effects = {"psi": psi(*(self.cells.united(c, EFFECT_BINS) for c in (self.cells.total, counts)))}
        if self.cells.numeric:
            effects["wasserstein"] = wasserstein(self.cells, counts)
        bound = np.exp(healthy.healthy.mean() + stats.t.isf(self.alpha, healthy.df) * healthy.spread)
        missing = -2 if self.cells.numeric else -1
        return Drift(
            subject=self.column,
            state="",
            n=int(counts.sum()),
            statistic=test.value,
            critical=max(float(bound), float(stats.chi2.isf(self.alpha, test.dof)) / test.rows),
            p_value=max(test.p_value, float(stats.t.sf(healthy.z(np.log(test.value)), healthy.df))),
            z=max(self.z(day).values(), key=abs),
            sums=[],
            effects=effects,
            missing_ratio=float(counts[missing] / counts.sum()),
            unseen_ratio=0.0 if self.cells.numeric else float(counts[-2] / counts.sum()),
        )

    def step(self, day: Day, drift: Drift, p_value: float) -> None:
        """Let both detectors take a day."""
        largest = max(drift.effects.values())
        clears = self._upper(day) < drift.critical or largest < 0.8 * MIN_EFFECT
        self.test.step(day.start_ms, p_value, large=largest >= MIN_EFFECT, clears=clears)
        for name, z in self.z(day).items():
            self.cusums[name].step(z, day.start_ms)
        self.stepped = True
        running = any(cusum.firing for cusum in self.cusums.values())
        self.latched = running and largest >= (0.5 if self.latched else 1) * MIN_EFFECT
        self.unseen = drift.unseen_ratio >= (UNSEEN / 2 if self.unseen else UNSEEN)

    def _upper(self, day: Day) -> float:
        """Return the upper 95 % limit of a day's divergence: a noncentral chi-square about its own value."""
        counts = self.cells.count(day.on_time[self.column])
        reference, current = (self.cells.united(c, TEST_BINS) for c in (self.cells.total, counts))
        test = divergence(reference, current, ordered=self.cells.numeric)
        statistic = test.value * test.rows
        return (statistic + 1.645 * (2 * test.dof + 4 * max(0.0, statistic - test.dof)) ** 0.5) / test.rows

    @property
    def largest(self) -> Cusum:
        """The sequential detector nearest to its limit, firing ones first."""
        return max(self.cusums.values(), key=lambda c: (c.firing, c.value / c.limit))

    @property
    def sums(self) -> list[float]:
        """Every detector's sum; categories have one each, and a report shows the one nearest to its own limit."""
        return [cusum.value for cusum in self.cusums.values()] if self.stepped else []

    def findings(self, day: Day, drift: Drift) -> list[tuple[str, Found]]:
        """Return what holds, by kind of alert."""
        effects = tuple(sorted(drift.effects.items()))
        common: Any = {**day.span, "n": len(day.on_time), "effects": effects, "severity": self.severity}
        held: list[tuple[str, str, float, float, int | None]] = []
        if self.latched:
            top = self.largest
            held.append((self.kind, "cusum", top.value, top.limit, top.onset))
        elif self.test.firing:
            held.append((self.kind, "window", drift.statistic, drift.critical, self.test.since_ms))
        if self.unseen:
            held.append(("schema", "unseen", drift.unseen_ratio, UNSEEN, day.start_ms))
        return [
            (kind, Found(self.column, detector=detector, value=value, threshold=threshold, since_ms=since_ms, **common))
            for kind, detector, value, threshold, since_ms in held
        ]
