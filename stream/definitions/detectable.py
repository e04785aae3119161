"""What each monitor could detect, given how much the reference's own blocks differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from detectors.cell_unions import quantile_bins, unite
from detectors.grid import Grid
from detectors.leave_one_out import leave_one_out, log_upper_bound
from detectors.psi import psi
from stream.definitions.yardstick import in_windows, number, yardstick
from stream.model.compile import compile_model
from stream.model.compiled import SCORE, CompiledModel
from stream.model.part_windows import BURN_RATE_PAIRS
from stream.model.reference import Reference
from stream.monitor.budget import Budget
from stream.monitor.config import MonitorConfig
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import windows_needed
from stream.monitor.reference_index import ReferenceIndex
from stream.monitor.rules import COVERAGE, DriftRule, OutcomeRule, Rules
from stream.parts.keys import ALL_ROWS
from stream.parts.outcome import OutcomePart
from stream.timeline.durations import format_duration
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Window
from tidegauge.definition import Definition, FeatureGrid

FULL_COVERAGE: Final = 0.95
"""A metric is judged at the first label age with this share of the labels that come at all."""

MIN_BLOCKS: Final = 8
_DECILES: Final = 10
_NAMED: Final = 3


def detectable_text(
    definition: Definition, grids: Mapping[str, FeatureGrid], reference: Reference | None
) -> tuple[str, ...]:
    """Return a line or two per monitor and window: the smallest change that can be seen, and whether that is enough.

    Parameters
    ----------
    definition, grids
        The model as it should be.
    reference
        Its reference; None while it is learnt.

    Notes
    -----
    For all rows, not per segment: a segment has fewer rows, so it hides more. O(profiles of the reference).
    """
    compiled = compile_model(definition, grids)
    if reference is None:
        span = definition.reference.learn or definition.reference.trailing or "the first blocks"
        learnt = f"reference: learnt from the stream ({span}); until then only latency and errors alert"
        return (learnt, *_unknown_traffic(compiled))
    judges = ModelJudges(compiled, reference, MonitorConfig())
    if judges.index is None:
        return ("features: types and grids are learnt from the first whole day; only latency and errors alert before",)
    # What comes from a file is made anew with every change, so it always fits.
    fits = reference.fits(compiled.layouts)
    anew = () if fits else ("reference: it does not fit the change; learnt anew from the change on",)
    return anew + tuple(_Detectable(compiled, judges.index, judges.rules, judges.budget).lines())


@dataclass(frozen=True)
class _Detectable:
    """Lines for one model and its reference, by the rules and the budget that the monitor has."""

    compiled: CompiledModel
    index: ReferenceIndex
    rules: Rules
    budget: Budget

    def lines(self) -> Iterator[str]:
        """Yield the lines, monitors in the order of the file."""
        drift = list(self.rules.drift.values())
        lengths = [window for rule in drift for window in rule.windows]
        lengths += [window for rule in self.rules.outcomes for window in rule.windows]
        for length in dict.fromkeys((*lengths, *self.rules.traffic_windows)):
            scheme = WindowScheme(length, self.compiled.definition.timezone)
            place = _Place(scheme, self.index.blocks(scheme), self._phases(scheme))
            if len(place.blocks) < MIN_BLOCKS:
                few = f"the reference has {len(place.blocks)} blocks of this length, {MIN_BLOCKS} are needed"
                yield f"{length} windows: reported, never alert: {few}"
                continue
            for kind in ("features", "score"):
                yield from self._drift(kind, [r for r in drift if r.kind == kind and length in r.windows], place)
            for outcome in self.rules.outcomes:
                if length in outcome.windows:
                    yield from self._outcome(outcome, place)
            if length in self.rules.traffic_windows:
                yield self._traffic(place)
        yield from self._budgets()

    def _phases(self, scheme: WindowScheme) -> list[int] | None:
        season = self.compiled.season
        return None if season is None else [scheme.phase(b.end_ms, season) for b in self.index.blocks(scheme)]

    def _drift(self, kind: Literal["features", "score"], rules: Sequence[DriftRule], place: "_Place") -> Iterator[str]:
        if not rules:
            return
        name = "drift of the score" if kind == "score" else f"drift of {len(rules)} features"
        if ("inputs", self.compiled.layouts["inputs"]) not in self.index.reference.layouts:
            yield f"{name}, {place.scheme.name} windows: not judged, the reference counts in other cells"
            return
        alpha = self.budget.allowance(kind, place.scheme).alpha / len(rules)
        bounds = self._psi_bounds([rule.subject for rule in rules], place, alpha)
        yield f"{name}, {place}: {_bounds_text(bounds, windows_needed(alpha, len(place.blocks)))}"
        for rule in rules:
            if rule.method == "psi" and rule.min_effect < bounds[rule.subject]:
                asked = f"min_effect {number(rule.min_effect)} of {rule.subject}"
                yield f"  warning: {asked} is less than its healthy windows differ"

    def _psi_bounds(self, subjects: Sequence[str], place: "_Place", alpha: float) -> dict[str, float]:
        """PSI that a healthy block exceeds with probability alpha, by subject."""
        layout = self.compiled.cell_layout
        if layout is None:
            return {}
        cells, _ = self.index.inputs(ALL_ROWS, place.blocks)
        phases = place.phases
        offsets = dict(zip(self.compiled.subjects, layout.offsets, strict=False))
        sizes = dict(zip(self.compiled.subjects, layout.sizes, strict=True))
        bounds = {}
        for subject in subjects:
            counts = cells[:, offsets[subject] : offsets[subject] + sizes[subject]].astype(np.float64)
            total = counts.sum(axis=0)
            if isinstance(self.compiled.grids[subject], Grid) and total[:-2].sum():
                counts = unite(counts, quantile_bins(total, _DECILES))
            phase = None if phases is None else phases[-1]
            bounds[subject] = log_upper_bound(leave_one_out(psi, counts, phases), alpha, phases, phase)
        return bounds

    def _outcome(self, rule: OutcomeRule, place: "_Place") -> Iterator[str]:
        if not self.index.has_outcomes:
            yield f"{rule.metric.name}, {place}: no baseline in this reference; learnt from matured labels"
            return
        rungs = self.index.outcomes(ALL_ROWS, place.blocks)
        rung = self._rung(rule, rungs)
        found = yardstick(
            self._values(rule, rungs[rung], place.blocks), place.phases, self.budget.allowance(rule.kind, place.scheme)
        )
        age = format_duration(self.compiled.rungs_ms[rung])
        yield f"{rule.metric.name} at {age}, {place}: {found}"
        asked = rule.metric.least_harm(found.mean, rule.drop)
        seen = min(found.sudden, found.lasting)
        if asked < seen:
            yield f"  warning: {number(asked)} is asked for; below {number(seen)} it looks like a healthy window"

    def _rung(self, rule: OutcomeRule, rungs: Sequence[Sequence[OutcomePart]]) -> int:
        if rule.age_ms is not None:
            return self.compiled.rungs_ms.index(rule.age_ms)
        labelled = [sum(part.labelled for part in parts) for parts in rungs]
        return next(i for i, count in enumerate(labelled) if count >= FULL_COVERAGE * labelled[-1])

    def _values(self, rule: OutcomeRule, parts: Sequence[OutcomePart], blocks: Sequence[Window]) -> list[float]:
        if rule.metric is COVERAGE:
            rows = self.index.rows(ALL_ROWS, blocks)
            return [part.labelled / n if n else math.nan for part, n in zip(parts, rows, strict=True)]
        return [math.nan if p.outcomes is None else p.outcomes.result().get(rule.metric.name, math.nan) for p in parts]

    def _traffic(self, place: "_Place") -> str:
        rows = [float(n) for n in self.index.rows(ALL_ROWS, place.blocks)]
        found = yardstick(rows, place.phases, self.budget.allowance("traffic", place.scheme))
        return f"traffic, {place}: {found}"

    def _budgets(self) -> Iterator[str]:
        pairs = " and ".join(f"{long} with {short}" for long, short in BURN_RATE_PAIRS)
        for rule in self.rules.budgets:
            windows = ", ".join(rule.windows) or f"burn rates over {pairs}"
            yield f"{rule.kind}: more than {rule.budget:.3%} of requests, {windows}; needs no reference"


@dataclass(frozen=True)
class _Place:
    """Windows of one length, and the reference's blocks of that length."""

    scheme: WindowScheme
    blocks: Sequence[Window]
    phases: list[int] | None

    def __str__(self) -> str:
        return f"{self.scheme.name} windows ({len(self.blocks)} blocks)"


def _unknown_traffic(compiled: CompiledModel) -> Iterator[str]:
    """Yield a line for windows of traffic that a learnt reference has no rows for: it has those of inputs' panes."""
    timezone = compiled.definition.timezone
    shortest = min(compiled.windows["inputs"], key=lambda scheme: scheme.length_ms)
    for length in Rules(compiled).traffic_windows:
        if WindowScheme(length, timezone).length_ms < shortest.length_ms:
            yield (
                f"traffic, {length} windows: never judged by a learnt reference, whose shortest windows are of "
                f"{shortest.name}; give drift such windows, too, or the model a file"
            )


def _bounds_text(bounds: Mapping[str, float], windows: int) -> str:
    known = {subject: bound for subject, bound in bounds.items() if not math.isnan(bound)}
    if not known:
        return "too few blocks to say"
    seen = f"in {in_windows(windows)}"
    if set(known) == {SCORE}:
        return f"sees PSI above {number(known[SCORE])} {seen}"
    worst = sorted(known, key=lambda subject: (-known[subject], subject))[:_NAMED]
    named = ", ".join(f"{subject} {number(known[subject])}" for subject in worst)
    return f"sees PSI above {number(float(np.median(list(known.values()))))} (median) {seen}; least sensitive: {named}"
