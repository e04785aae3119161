"""Deciding on performance, calibration and coverage at their label ages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scipy.special import stdtr

from detectors.blocks import BlockReference
from detectors.metrics import Metric
from stream.monitor.budget import Budget
from stream.monitor.drift_judge import finite
from stream.monitor.memory import Firing, ScopeMemory, SubjectMemory, WindowVerdict, limit_of, most_few
from stream.monitor.outcome_view import MetricView, OutcomeView
from stream.monitor.rules import OutcomeRule
from stream.monitor.windows import COVERAGE, OutcomeWindow
from tidegauge.alerts import AlertKind, Finding, Severity, Window
from tidegauge.reports import MetricResult, State


@dataclass(slots=True)
class OutcomeVerdict:
    """What one window's outcomes came to at one label age.

    `lost`: metrics that had too few rows for so long that what fired was forgotten.
    """

    results: list[MetricResult] = field(default_factory=list)
    firing: dict[AlertKind, list[Firing]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a window of outcomes is judged.

    Attributes
    ----------
    horizon
        The labels are final: sequential detectors take a step if it is a `block`, and loss is an error.
    whole
        The window was observed from its beginning, and all of it counted alike.
    recent
        Gives the outcomes of the last blocks up to this window: a loss spread over them counts too.
    """

    window: Window
    age_ms: int
    horizon: bool
    block: bool
    whole: bool
    recent: Callable[[], OutcomeWindow] | None = None


class OutcomeJudge:
    """Judges the outcomes of one segment over windows of one length.

    Parameters
    ----------
    view
        The reference's blocks; None: nothing is judged, reports say `learning`.
    rules
        Those whose windows include this length.
    budget
        What may be spent.
    labelled_min, rows_min
        Fewer labels (for coverage: predictions) are insufficient.
    """

    def __init__(
        self, view: OutcomeView | None, rules: Sequence[OutcomeRule], budget: Budget, labelled_min: int, rows_min: int
    ) -> None:
        self.view = view
        self.rules = tuple(rules)
        self._budget = budget
        self._least = {True: rows_min, False: labelled_min}
        self._limits: dict[tuple[str, int], float] = {}

    def age_of(self, rule: OutcomeRule) -> int:
        """Return the first label age at which a rule is judged."""
        return rule.age_ms if rule.age_ms is not None else (self.view.judged_ms if self.view else 0)

    def judge(self, memory: ScopeMemory, outcomes: OutcomeWindow, moment: Moment) -> OutcomeVerdict:
        """Judge one window at one label age and remember it."""
        verdict = OutcomeVerdict()
        values = outcomes.values
        for rule in self.rules:
            name = rule.metric.name
            view = None if self.view is None else self.view.metrics[moment.age_ms].get(name)
            state = self._state(rule, view, outcomes, moment)
            if state in {"ok", "uncalibrated"}:
                memory.subject(name).few = 0
            elif state == "insufficient" and self._lost(memory, name, outcomes, moment):
                verdict.lost.add(name)
            remembered = memory.subject(name)
            if state == "ok" and view is not None:
                self._step(remembered, rule, view, values, moment)
                firing = self._firing(remembered, rule, view, outcomes, moment)
                if firing is not None:
                    verdict.firing.setdefault(rule.kind, []).append(firing)
                    state = "firing"
            elif state == "insufficient" and view is not None:
                # Too few labels are no sign of health: what fired keeps firing.
                firing = self._firing(remembered, rule, view, outcomes, moment)
                if firing is not None:
                    verdict.firing.setdefault(rule.kind, []).append(firing)
            if state in {"learning", "uncalibrated"}:
                memory.forget(name)
            verdict.results.append(self._result(rule.metric, view, values, state, memory, moment))
        verdict.results += self._others(values, moment)
        return verdict

    def results(self, outcomes: OutcomeWindow, moment: Moment) -> list[MetricResult]:
        """Return what a report says of a window that is not decided (any more)."""
        values = outcomes.values
        shown = []
        for rule in self.rules:
            view = None if self.view is None else self.view.metrics[moment.age_ms].get(rule.metric.name)
            state = self._state(rule, view, outcomes, moment)
            shown.append(self._result(rule.metric, view, values, state, None, moment))
        return shown + self._others(values, moment)

    def _state(self, rule: OutcomeRule, view: MetricView | None, outcomes: OutcomeWindow, moment: Moment) -> State:
        if self.view is None or view is None:
            return "learning"
        if not moment.horizon and moment.age_ms != self.age_of(rule):
            return "provisional"
        coverage = rule.metric.name == COVERAGE
        n = outcomes.rows if coverage else outcomes.labelled
        if not moment.whole or outcomes.mixed or n < self._least[coverage]:
            return "insufficient"
        return "ok" if view.blocks.calibrated else "uncalibrated"

    def _lost(self, memory: ScopeMemory, name: str, outcomes: OutcomeWindow, moment: Moment) -> bool:
        if self.view is None or not moment.block or outcomes.mixed:
            return False
        return memory.count_few(name, most_few(self.view.scheme.length_ms))

    def _step(
        self, memory: SubjectMemory, rule: OutcomeRule, view: MetricView, values: dict[str, float], moment: Moment
    ) -> None:
        value = values.get(rule.metric.name, float("nan"))
        phase = None if self.view is None else self.view.phase(moment.window.end_ms)
        expected = view.blocks.expected(phase)
        z = harmful_z(rule.metric, view.blocks, value, phase)
        harm, least = rule.metric.harm(expected, value), rule.metric.least_harm(expected, rule.drop)
        alpha = self._budget.allowance(rule.kind, self.view.scheme).alpha if self.view else 0.0
        sides = 2 if rule.metric.two_sided else 1
        p_value = sides * float(stdtr(view.blocks.df, -(abs(z) if rule.metric.two_sided else z)))
        verdict = WindowVerdict(
            p_value=p_value,
            alpha=alpha,
            blocks=view.blocks.blocks,
            large=harm >= least,
            clears=harm <= max(0.9 * least, 0.5 * self._margin(rule, view, phase)),
            for_windows=rule.for_windows,
        )
        memory.window.step(moment.window, verdict)
        if not (moment.horizon and moment.block):
            return
        cusum = memory.step("", round(z, 9), moment.window.start_ms, self._limit(rule, view, moment.age_ms),
                            two_sided=rule.metric.two_sided)  # fmt: skip
        memory.latched = cusum.firing and (
            harm >= least or _recent_harm(rule.metric, expected, moment) >= (0.5 if memory.latched else 1.0) * least
        )

    def _limit(self, rule: OutcomeRule, view: MetricView, age_ms: int) -> float:
        key = (rule.metric.name, age_ms)
        if key not in self._limits and self.view is not None:
            run = self._budget.allowance(rule.kind, self.view.scheme).run_blocks
            self._limits[key] = limit_of(view.blocks, run, two_sided=rule.metric.two_sided)
        return self._limits[key]

    def _firing(
        self, memory: SubjectMemory, rule: OutcomeRule, view: MetricView, outcomes: OutcomeWindow, moment: Moment
    ) -> Firing | None:
        value = outcomes.values.get(rule.metric.name, float("nan"))
        cusum = memory.cusum("", self._limit(rule, view, moment.age_ms), two_sided=rule.metric.two_sided)
        subject = rule.metric.name
        effects = {subject: round(value, 6)} if value == value else {}  # noqa: PLR0124 -- NaN has no place in JSON
        if memory.latched:
            finding = Finding(
                subject=subject, detector="cusum", value=round(cusum.value, 6), threshold=cusum.h,
                since_ms=cusum.onset, effects=effects,
            )  # fmt: skip
        elif memory.window.firing:
            finding = Finding(
                subject=subject, detector="window", value=round(value, 6) if effects else 0.0,
                threshold=round(self._threshold(rule, view, moment, value), 6), since_ms=memory.window.since_ms,
                effects=effects,
            )  # fmt: skip
        else:
            return None
        return Firing(
            finding=finding, severity=_severity(rule, moment), window=moment.window, n=outcomes.labelled,
            coverage=outcomes.coverage,
        )  # fmt: skip

    def _threshold(self, rule: OutcomeRule, view: MetricView, moment: Moment, value: float) -> float:
        """Return what a window must lie beyond to count: the blocks' bound or the least harm, whichever is further."""
        phase = None if self.view is None else self.view.phase(moment.window.end_ms)
        expected = view.blocks.expected(phase)
        reach = max(self._margin(rule, view, phase), rule.metric.least_harm(expected, rule.drop))
        below = value < expected if rule.metric.two_sided else rule.metric.higher_is_better
        return expected - reach if below else expected + reach

    def _margin(self, rule: OutcomeRule, view: MetricView, phase: int | None) -> float:
        """Return how far from what is expected the blocks' bound lies: half of it is an ordinary healthy window."""
        alpha = self._budget.allowance(rule.kind, self.view.scheme).alpha if self.view else 0.0
        bound = view.blocks.upper_bound(alpha / (2 if rule.metric.two_sided else 1), phase)
        return bound - view.blocks.expected(phase)

    def _result(
        self,
        metric: Metric,
        view: MetricView | None,
        values: dict[str, float],
        state: State,
        memory: ScopeMemory | None,
        moment: Moment,
    ) -> MetricResult:
        value = values.get(metric.name, float("nan"))
        phase = None if self.view is None else self.view.phase(moment.window.end_ms)
        judged = state not in {"learning", "provisional"}
        remembered = None if memory is None or not judged else memory.subjects.get(metric.name)
        cusum = None
        if remembered is not None and "" in remembered.cusums and moment.horizon and view is not None:
            cusum = remembered.cusum("", self._limits.get((metric.name, moment.age_ms), 5.0))
        lower, upper = view.blocks.interval(0.01, phase) if view else (float("nan"), float("nan"))
        return MetricResult(
            metric=metric.name,
            state=state,
            value=finite(value),
            lower=finite(lower),
            upper=finite(upper),
            z=finite(harmful_z(metric, view.blocks, value, phase)) if view else None,
            cusum=None if cusum is None else round(cusum.value, 6),
            cusum_limit=None if cusum is None else cusum.h,
            constant=finite(values.get(metric.constant or "", float("nan"))),
        )

    def _others(self, values: dict[str, float], moment: Moment) -> list[MetricResult]:
        """Metrics nobody judges, for the report: a loss is read beside calibration and ranking."""
        judged = {rule.metric.name for rule in self.rules}
        names = ("log_loss", "calibration", "roc_auc", "accuracy", "prevalence", "mean_score", "rmse", "mae", "bias")
        state: State = "learning" if self.view is None else "ok" if moment.horizon else "provisional"
        return [
            MetricResult(metric=name, state=state, value=finite(values[name]))
            for name in names
            if name in values and name not in judged
        ]


def harmful_z(metric: Metric, blocks: BlockReference, value: float, phase: int | None) -> float:
    """Return the block-standardised value, positive on the harmful side (as it is when either side is harm)."""
    z = blocks.z(value, phase)
    return -z if metric.higher_is_better else z


def _recent_harm(metric: Metric, expected: float, moment: Moment) -> float:
    """Return the harm over the last blocks together; NaN (never large) when it is not known."""
    recent = moment.recent().values if moment.recent else {}
    return metric.harm(expected, recent.get(metric.name, float("nan")))


def _severity(rule: OutcomeRule, moment: Moment) -> Severity:
    """Only matured labels make an error: before the horizon a loss of performance is a warning."""
    return "error" if rule.kind == "performance" and moment.horizon else "warning"
