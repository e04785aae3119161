"""Histograms on the definition's own cells, and what is measured on them, by SciPy and from the definitions.

The cells come from the grids in the `models` topic: edges e cut the line into underflow, [e, next e) and overflow, then
come missing and not finite; a vocabulary is followed by unseen and missing.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from integration.end_to_end.topics import Record
from integration.end_to_end.truth_windows import Blocks
from scipy import stats

Counts = np.ndarray[Any, np.dtype[np.float64]]
SCORE = "__score__"


def grids(records: Sequence[Record], model: str) -> dict[str, dict[str, Any]]:
    """Return the grids of a model's newest definition: the slices it names, unpacked."""
    pieces = {hashlib.sha256(r.value).hexdigest()[:16]: r.value[1:] for r in records if r.value[:1] != b"{"}
    heads = [json.loads(r.value) for r in records if r.value[:1] == b"{"]
    head = [h for h in heads if h["record"] == "definition" and h["model"] == model][-1]
    packed = b"".join(pieces[name] for name in head["grids"])
    unpacked: dict[str, dict[str, Any]] = msgspec.msgpack.decode(zlib.decompress(packed))
    return unpacked


@dataclass
class Cells:
    """One subject's cells: counting them, and uniting them into bins of the reference."""

    grid: dict[str, Any]
    reference: list[Counts] = field(default_factory=list)

    @property
    def numeric(self) -> bool:
        """Whether the cells lie on the number line."""
        return "edges" in self.grid

    @cached_property
    def edges(self) -> Counts:
        """Edges of a numeric grid."""
        return np.array(self.grid["edges"])

    def count(self, values: pd.Series) -> Counts:
        """Return rows per cell."""
        if self.numeric:
            x = values.to_numpy(dtype=float)
            cells = np.digitize(x, self.edges)
            cells[np.isnan(x)] = len(self.edges) + 1
            return np.bincount(cells, minlength=len(self.edges) + 3).astype(float)
        names = self.grid["vocabulary"]
        known = [float((values == name).sum()) for name in names]
        missing = float(values.isna().sum())
        return np.array([*known, len(values) - sum(known) - missing, missing])

    @cached_property
    def total(self) -> Counts:
        """Rows per cell of the whole reference."""
        return np.sum(self.reference, axis=0)

    @cached_property
    def positions(self) -> Counts:
        """Middle of each cell on the line; the edge for what lies beyond."""
        return np.concatenate(([self.edges[0]], (self.edges[1:] + self.edges[:-1]) / 2, [self.edges[-1]]))

    def mean(self, counts: Counts) -> float:
        """Return the mean over the middles of the cells, without missing values."""
        return float(np.average(self.positions, weights=counts[:-2]))

    def bins(self, wanted: int) -> np.ndarray[Any, Any]:
        """Return the bin of each cell: that quantile of the reference in which the middle of the cell's mass lies."""
        if not self.numeric:
            return np.arange(len(self.total))
        line = self.total[:-2]
        middle = (np.cumsum(line) - line / 2) / line.sum()
        groups = stats.rankdata(np.minimum((middle * wanted).astype(int), wanted - 1), method="dense").astype(int) - 1
        return np.concatenate((groups, groups[-1] + 1 + np.arange(2)))

    def united(self, counts: Counts, wanted: int) -> Counts:
        """Return rows per bin."""
        return np.bincount(self.bins(wanted), weights=counts)


def psi(reference: Counts, current: Counts) -> float:
    """Return the population stability index of two histograms; a share below 1e-4 counts as 1e-4."""
    r, c = (np.maximum(counts / counts.sum(), 1e-4) for counts in (reference, current))
    return float(((r - c) * np.log(r / c)).sum())


def wasserstein(cells: Cells, counts: Counts) -> float:
    """Return the earth mover's distance between cells' middles, in standard deviations of the reference."""
    x, r, c = cells.positions, cells.total[:-2], counts[:-2]
    sd = np.sqrt(np.cov(x, fweights=r.astype(int), ddof=0))
    return float(stats.wasserstein_distance(x, x, r, c) / sd)


def wasserstein_bound(cells: Cells, counts: Counts) -> float:
    """Return how much the cells' width may hide: half of it for each row inside the range."""
    half = np.concatenate(([0.0], np.diff(cells.edges) / 2, [0.0]))
    x, r, c = cells.positions, cells.total[:-2], counts[:-2]
    sd = np.sqrt(np.cov(x, fweights=r.astype(int), ddof=0))
    return float((r / r.sum() + c / c.sum()) @ half / sd)


@dataclass(frozen=True)
class Divergence:
    """Contingency chi-square of two histograms, per effective row nm/(n + m), and its p-value."""

    value: float
    p_value: float
    dof: int
    rows: float


def divergence(reference: Counts, current: Counts, *, ordered: bool) -> Divergence:
    """Compare two histograms, cells united until each expects five rows on the smaller side."""
    both = reference + current
    least = 5 * both.sum() / min(reference.sum(), current.sum())
    groups = _ordered(both, least) if ordered else _unordered(both, least)
    table = np.array([np.bincount(groups, weights=side) for side in (reference, current)])
    table = table[:, table.sum(axis=0) > 0]
    rows = float(reference.sum() * current.sum() / both.sum())
    test = stats.chi2_contingency(table, correction=False)
    return Divergence(float(test.statistic) / rows, float(test.pvalue), int(test.dof), rows)


def _ordered(both: Counts, least: float) -> np.ndarray[Any, Any]:
    """Unite neighbours from the left; the last two cells (missing, not finite) only when they are too light."""
    groups: list[int] = []
    weight, group = 0.0, 0
    for value in both[:-2]:
        if weight >= least:
            group, weight = group + 1, 0.0
        groups.append(group)
        weight += value
    if weight < least and group:
        groups = [min(g, group - 1) for g in groups]
    last = groups[-1]
    missing, odd = both[-2], both[-1]
    if odd < least and missing + odd >= least:
        return np.array([*groups, last + 1, last + 1])
    assert missing + odd < least, "not what happens in this scenario"
    return np.array([*groups, last, last])


def _unordered(both: Counts, least: float) -> np.ndarray[Any, Any]:
    """Unite the lightest cells until their union is heavy enough."""
    order = np.argsort(both, kind="stable")
    light = int((both < least).sum())
    pooled = both[order[:light]].sum()
    while 0 < pooled < least:
        pooled += both[order[light]]
        light += 1
    groups = np.zeros(len(both), dtype=int)
    groups[order[light:]] = np.arange(1, len(both) - light + 1)
    return groups if light else groups - 1


def healthy_divergences(cells: Cells, wanted: int) -> Blocks:
    """Return the logarithm of each healthy day's divergence from the other days."""
    days = [cells.united(day, wanted) for day in cells.reference]
    total = np.sum(days, axis=0)
    found = np.array([divergence(total - day, day, ordered=cells.numeric).value for day in days])
    return Blocks(np.log(np.maximum(found, 0.1 * found[found > 0].min())))
