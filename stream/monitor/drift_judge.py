"""Deciding on drift: window tests and sequential detectors side by side."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from detectors.cusum import WinsorisedCusum
from stream.monitor.budget import Budget
from stream.monitor.drift import Glance, Measure, contributions, glance_all, measure_all
from stream.monitor.inputs_view import InputsView, SubjectView
from stream.monitor.memory import Firing, ScopeMemory, SubjectMemory, WindowVerdict, limit_of, most_few
from stream.monitor.rules import DriftRule
from stream.monitor.windows import InputsWindow
from tidegauge.alerts import AlertKind, Finding, Window
from tidegauge.reports import DriftResult, State

UNSEEN_RATIO = 0.01
"""Share of categories never seen in the reference that is a finding of its own."""


@dataclass(slots=True)
class DriftVerdict:
    """What one window's inputs came to: results for the report, findings by kind for the alerts.

    `lost`: subjects that had too few rows for so long that what fired was forgotten.
    `unjudged`: subjects that fired and that the reference cannot judge (any more).
    """

    results: list[DriftResult] = field(default_factory=list)
    firing: dict[AlertKind, list[Firing]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    unjudged: set[str] = field(default_factory=set)


class DriftJudge:
    """Judges the inputs of one segment over windows of one length.

    Parameters
    ----------
    view
        The reference's blocks.
    rules
        By subject; only those whose windows include this length.
    budget
        What may be spent.
    rows_min
        Fewer rows are insufficient.
    """

    def __init__(self, view: InputsView, rules: Mapping[str, DriftRule], budget: Budget, rows_min: int) -> None:
        self.view = view
        self.rules = {name: rule for name, rule in rules.items() if name in view.subjects}
        kinds = {rule.kind for rule in self.rules.values()}
        self._allowances = {kind: budget.allowance(kind, view.scheme) for kind in sorted(kinds)}
        self._rows_min = rows_min

    @cached_property
    def _limits(self) -> dict[tuple[str, str], float]:
        """Limit of each sequential detector; those of one kind share its run length."""
        watched = [(name, value) for name in self.rules for value in self.view.subjects[name].values]
        sharing = Counter(self.rules[name].kind for name, _ in watched)
        limits = {}
        for name, value in watched:
            kind = self.rules[name].kind
            run = self._allowances[kind].run_blocks * sharing[kind]
            limits[name, value] = limit_of(self.view.subjects[name].values[value], run, two_sided=True)
        return limits

    def judge(
        self, memory: ScopeMemory, inputs: InputsWindow, window: Window, *, block: bool, whole: bool
    ) -> DriftVerdict:
        """Judge one window and remember it.

        Parameters
        ----------
        block
            The window is the next disjoint one: sequential detectors take a step.
        whole
            The window was observed from its beginning, and all of it counted alike; else it is insufficient.
        """
        going_on = any(remembered.window.firing for remembered in memory.subjects.values())
        measures = self.measure(inputs, window.end_ms, test=going_on)
        usable = whole and not inputs.mixed
        verdict = DriftVerdict()
        for name, measure in measures.items():
            subject, rule = self.view.subjects[name], self.rules[name]
            state = self._state(subject, measure, usable=usable)
            if memory.subject(name).firing and not _judged(subject):
                memory.forget(name)
                verdict.unjudged.add(subject.subject.label)
            if state != "insufficient":
                memory.subject(name).few = 0
            elif block and usable and memory.count_few(name, most_few(self.view.scheme.length_ms)):
                verdict.lost.add(subject.subject.label)
            remembered = memory.subject(name)
            if state == "ok" and isinstance(measure, Measure):
                self._step(remembered, subject, measure, window, block=block)
            cusum = self._largest(remembered, name)
            if state == "ok":
                running = cusum is not None and cusum.firing
                remembered.latched = running and measure.large(rule, 0.5 if remembered.latched else 1.0)
            firing = self._firing(remembered, subject, measure, window, inputs, cusum)
            for kind, found in firing:
                verdict.firing.setdefault(kind, []).append(found)
            fires = state == "ok" and any(kind == rule.kind for kind, _ in firing)
            verdict.results.append(_result(measure, subject, "firing" if fires else state, cusum))
        return verdict

    def measure(self, inputs: InputsWindow, end_ms: int, *, test: bool = False) -> Mapping[str, Glance]:
        """Measure a window without remembering it, as revisions do.

        Too few rows are not tested: no test could say anything, and most segments of most models have few. `test`
        them all the same, for an episode that goes on.
        """
        if inputs.rows < self._rows_min and not test:
            return glance_all(self.view, inputs, end_ms, self.rules)
        alpha = {kind: allowance.alpha for kind, allowance in self._allowances.items()}
        return measure_all(self.view, inputs, end_ms, self.rules, alpha)

    def results(self, inputs: InputsWindow, end_ms: int) -> list[DriftResult]:
        """Return what a report says of a window that is not decided (any more)."""
        return [
            _result(measure, self.view.subjects[name], self._state(self.view.subjects[name], measure), None)
            for name, measure in self.measure(inputs, end_ms).items()
        ]

    def _state(self, view: SubjectView, measure: Glance, *, usable: bool = True) -> State:
        if not usable or measure.rows < self._rows_min:
            return "insufficient"
        return "ok" if _judged(view) else "uncalibrated"

    def _step(self, memory: SubjectMemory, view: SubjectView, measure: Measure, window: Window, *, block: bool) -> None:
        rule = self.rules[view.subject.name]
        alpha = self._allowances[rule.kind].alpha
        verdict = WindowVerdict(
            p_value=measure.adjusted,
            alpha=alpha,
            blocks=view.divergence.blocks,
            large=measure.large(rule),
            clears=measure.upper < measure.critical or not measure.large(rule, 0.8),
            for_windows=rule.for_windows,
        )
        memory.window.step(window, verdict)
        # The next trailing reference may not know a category: nothing would end what fires of it.
        memory.cusums = {value: data for value, data in memory.cusums.items() if value in measure.z}
        if block:
            for value, z in measure.z.items():
                memory.step(value, z, window.start_ms, self._limits[view.subject.name, value])
        excess = measure.unseen_ratio - measure.unseen_expected
        memory.unseen = excess >= (UNSEEN_RATIO / 2 if memory.unseen else UNSEEN_RATIO)

    def _cusum(self, memory: SubjectMemory, name: str, value: str) -> WinsorisedCusum:
        return memory.cusum(value, self._limits.get((name, value), 5.0))

    def _largest(self, memory: SubjectMemory, name: str) -> WinsorisedCusum | None:
        """Return the sequential detector that is nearest to (or furthest beyond) its limit, firing ones first."""
        cusums = [self._cusum(memory, name, value) for value in memory.cusums]
        return max(cusums, key=lambda cusum: (cusum.firing, cusum.value / cusum.h), default=None)

    def _firing(
        self,
        memory: SubjectMemory,
        view: SubjectView,
        measure: Glance,
        window: Window,
        inputs: InputsWindow,
        cusum: WinsorisedCusum | None,
    ) -> list[tuple[AlertKind, Firing]]:
        rule = self.rules[view.subject.name]
        found = [(rule.kind, finding) for finding in self._moved(memory, view, measure, cusum)]
        if memory.unseen:
            ratio = round(measure.unseen_ratio, 6)
            finding = Finding(
                subject=view.subject.label,
                detector="unseen",
                value=ratio,
                threshold=UNSEEN_RATIO,
                since_ms=window.start_ms,
                effects=measure.effects,
            )
            found.append(("schema", finding))
        if not found:
            return []
        healthy = view.healthy(self.view.phase(window.end_ms))
        bins = contributions(healthy, inputs.counts[view.subject.cells]) if measure.rows else []
        return [
            (
                kind,
                Firing(
                    finding=msgspec.structs.replace(finding, bins=bins),
                    severity=rule.severity,
                    window=window,
                    n=inputs.rows,
                ),
            )
            for kind, finding in found
        ]

    def _moved(
        self, memory: SubjectMemory, view: SubjectView, measure: Glance, cusum: WinsorisedCusum | None
    ) -> list[Finding]:
        """Return the finding of the sequential detector, else of the window test, if one fires."""
        label = view.subject.label
        if memory.latched and cusum is not None:
            value, limit, since_ms = round(cusum.value, 6), cusum.h, cusum.onset
            detector = "cusum"
        elif memory.window.firing and isinstance(measure, Measure):
            value, limit, since_ms = round(measure.test.divergence, 6), measure.critical, memory.window.since_ms
            detector = "window"
        else:
            return []
        return [
            Finding(
                subject=label,
                detector=detector,
                value=value,
                threshold=round(limit, 6),
                since_ms=since_ms,
                effects=measure.effects,
            )
        ]


def _judged(view: SubjectView) -> bool:
    return view.divergence.calibrated and not view.clock_bound


def _result(measure: Glance, view: SubjectView, state: State, cusum: WinsorisedCusum | None) -> DriftResult:
    result = DriftResult(
        subject=view.subject.label,
        state=state,
        n=measure.rows,
        cusum=None if cusum is None else round(cusum.value, 6),
        cusum_limit=None if cusum is None else cusum.h,
        effects=measure.effects,
        missing_ratio=round(measure.missing_ratio, 6),
        unseen_ratio=round(measure.unseen_ratio, 6),
    )
    if not isinstance(measure, Measure):
        return result
    return msgspec.structs.replace(
        result,
        statistic=round(measure.test.divergence, 6),
        critical=finite(measure.critical),
        p_value=measure.p_value,
        z=finite(max(measure.z.values(), key=abs, default=float("nan"))),
    )


def finite(value: float) -> float | None:
    """Return a number rounded for a report, None when it is not finite: JSON has no other."""
    return round(value, 6) if abs(value) < float("inf") else None
