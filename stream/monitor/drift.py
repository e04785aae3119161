"""Drift of one window: what is measured of each subject, without any memory of earlier windows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from detectors.cell_unions import unite
from detectors.chi_square import ChiSquareResult, chi_square
from detectors.jensen_shannon import jensen_shannon
from detectors.ks import ks_test
from detectors.psi import psi, psi_contributions
from detectors.significance import holm_adjusted
from stream.model.compiled import SCORE
from stream.monitor.inputs_view import SCORE_MEAN, Healthy, InputsView, SubjectView, score_mean, subject_values
from stream.monitor.rules import DriftRule
from stream.monitor.windows import InputsWindow
from tidegauge.alerts import AlertKind

_UPPER_Z = 1.645


@dataclass(kw_only=True, slots=True)
class Glance:
    """One subject of one window against the reference: how much has moved, and not whether that means anything.

    Attributes
    ----------
    rows
        Rows of the window, missing ones included.
    effects
        Effect sizes by name.
    """

    rows: int
    effects: dict[str, float]
    missing_ratio: float = 0.0
    unseen_ratio: float = 0.0
    unseen_expected: float = 0.0

    def large(self, rule: DriftRule, share: float = 1.0) -> bool:
        """Whether an effect size of the rule's method reaches its minimum (times `share`)."""
        names = ("psi", "wasserstein") if rule.method == "auto" else (rule.method,)
        psi_value = self.effects.get("psi", 0.0)  # what a numeric-only method falls back on for categories
        return any(self.effects.get(name, psi_value) >= share * rule.min_effect for name in names)


@dataclass(kw_only=True, slots=True)
class Measure(Glance):
    """One subject of one window with rows enough, against the reference and its healthy blocks.

    Attributes
    ----------
    test
        Contingency chi-square on about 20 bins of the reference.
    p_value
        The larger of two: for independent rows, and for healthy blocks. Then adjusted by Holm over the group.
    critical
        What `test.divergence` must exceed at the whole group's level: the larger of the two critical values.
    z
        Block-standardised value of each sequential detector.
    """

    test: ChiSquareResult
    p_value: float
    critical: float
    z: dict[str, float] = field(default_factory=dict)
    adjusted: float = 1.0

    @property
    def upper(self) -> float:
        """Upper 95 % limit of the divergence: the statistic is a noncentral chi-square about its own value."""
        test = self.test
        spread = (2 * test.dof + 4 * max(0.0, test.statistic - test.dof)) ** 0.5
        return (test.statistic + _UPPER_Z * spread) / test.effective_rows if test.effective_rows > 0 else 0.0


def measure_all(
    view: InputsView,
    window: InputsWindow,
    end_ms: int,
    rules: Mapping[str, DriftRule],
    alpha: Mapping[AlertKind, float],
) -> dict[str, Measure]:
    """Measure every judged subject of a window; p-values are adjusted within each kind of alert.

    Parameters
    ----------
    rules
        By subject.
    alpha
        By kind: probability of a false decision at this closing.
    """
    phase = view.phase(end_ms)
    measures: dict[str, Measure] = {}
    for name, rule in rules.items():
        subject = view.subjects.get(name)
        if subject is not None:
            counts = window.counts[subject.subject.cells]
            measures[name] = _measure(subject, counts, rule, phase, alpha[rule.kind])
            if name == SCORE and subject.subject.numeric:
                mean = score_mean(window.score.n, window.score.total)
                measures[name].z = _standardise(subject, {SCORE_MEAN: mean}, phase)
    for kind in alpha:
        members = [name for name in measures if rules[name].kind == kind]
        adjusted = holm_adjusted([measures[name].p_value for name in members])
        for name, value in zip(members, adjusted.tolist(), strict=True):
            measures[name].adjusted = value
    return measures


def glance_all(
    view: InputsView, window: InputsWindow, end_ms: int, rules: Mapping[str, DriftRule]
) -> dict[str, Glance]:
    """Look at every judged subject of a window whose rows are too few for a test."""
    phase = view.phase(end_ms)
    return {
        name: _glance(subject.healthy(phase), window.counts[subject.subject.cells], rule)
        for name, rule in rules.items()
        if (subject := view.subjects.get(name)) is not None
    }


def contributions(view: Healthy, counts: NDArray[np.int64], most: int = 3) -> list[tuple[str, float, float]]:
    """Return the bins that contribute most to the PSI: (what it holds, reference share, current share)."""
    current = unite(counts, view.effect_bins)
    parts = psi_contributions(view.effect_counts, current)
    order = np.argsort(-parts, kind="stable")[:most]
    reference, now = view.effect_counts / view.effect_counts.sum(), current / max(1.0, current.sum())
    return [
        (view.subject.bin_label(view.effect_bins, int(i)), round(float(reference[i]), 4), round(float(now[i]), 4))
        for i in order
        if parts[i] > 0
    ]


def _glance(view: Healthy, counts: NDArray[np.int64], rule: DriftRule) -> Glance:
    rows = int(counts.sum())
    unseen = getattr(view.subject.grid, "unseen", None)
    return Glance(
        rows=rows,
        effects=_effects(view, counts, rule.method) if rows else {},
        missing_ratio=float(counts[view.subject.missing]) / rows if rows else 0.0,
        unseen_ratio=float(counts[unseen]) / rows if rows and unseen is not None else 0.0,
        unseen_expected=0.0 if unseen is None else float(view.counts[unseen]) / max(1, int(view.counts.sum())),
    )


def _measure(view: SubjectView, counts: NDArray[np.int64], rule: DriftRule, phase: int | None, alpha: float) -> Measure:
    test = chi_square(view.healthy(phase).test_counts, unite(counts, view.test_bins), ordered=view.subject.numeric)
    blocks = view.divergence
    healthy_p = _healthy_p(view, test, phase)
    bound = float(np.exp(blocks.upper_bound(alpha, phase)))
    if test.rare is not None:
        bound = max(bound, view.furthest)
    iid = test.critical_divergence(alpha)
    seen = _glance(view.healthy(phase), counts, rule)
    return Measure(
        rows=seen.rows,
        effects=seen.effects,
        missing_ratio=seen.missing_ratio,
        unseen_ratio=seen.unseen_ratio,
        unseen_expected=seen.unseen_expected,
        test=test,
        p_value=max(test.p_value, healthy_p),
        critical=iid if np.isnan(bound) else max(iid, bound),
        z=_standardise(view, {n: float(v[0]) for n, v in subject_values(view.subject, counts[None, :]).items()}, phase),
    )


def _healthy_p(view: SubjectView, test: ChiSquareResult, phase: int | None) -> float:
    """Return the probability that a healthy block lies this far from the others; 1 when the reference cannot say.

    Rare cells come in bursts, or not at all: no tail is believed below the furthest healthy block.
    """
    blocks = view.divergence
    if blocks.df < 1 or test.divergence <= 0 or (test.rare is not None and test.divergence <= view.furthest):
        return 1.0
    z = blocks.z(float(np.log(test.divergence)), phase)
    return 1.0 if np.isnan(z) else float(stdtr(blocks.df, -z))


def _standardise(view: SubjectView, values: Mapping[str, float], phase: int | None) -> dict[str, float]:
    """Return z by name, rounded so that no decision hangs on the last bits of a processor's arithmetic."""
    return {name: round(block.z(values[name], phase), 9) for name, block in view.values.items()}


def _effects(view: Healthy, counts: NDArray[np.int64], method: str) -> dict[str, float]:
    current = unite(counts, view.effect_bins)
    effects = {"psi": psi(view.effect_counts, current)}
    if view.wasserstein is not None:
        effects["wasserstein"] = view.wasserstein.compare(counts).distance
    if method == "jensen_shannon":
        effects[method] = jensen_shannon(view.effect_counts, current)
    elif method == "ks" and view.subject.numeric:
        effects[method] = ks_test(view.counts, counts).statistic
    return {name: round(value, 6) for name, value in effects.items() if np.isfinite(value)}
