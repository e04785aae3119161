"""Dividing the allowed false episodes among everything that could raise one."""

from dataclasses import dataclass

from stream.monitor.rules import Rules
from stream.timeline.durations import DAY_MS, parse_rate
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import AlertKind

_OVERLAP = 0.7
"""Each further hop of a window adds about this much of an independent decision: hops of a sixth raise episodes 4.5
times."""

_ALPHA_RANGE = (1e-9, 0.05)

_PAGE: tuple[AlertKind, ...] = ("performance",)
_WARN: tuple[AlertKind, ...] = ("score", "calibration", "coverage", "traffic")
_INFO: tuple[AlertKind, ...] = ("features",)


@dataclass(frozen=True)
class Allowance:
    """What one detector (one kind, segment and window) may spend.

    Attributes
    ----------
    alpha
        Probability of a false decision at one closing of the window, for all its subjects together.
    run_blocks
        Healthy blocks between two false alarms of a sequential detector, for all its subjects together.
    """

    alpha: float
    run_blocks: float


class Budget:
    """`false_alarms` divided equally within each severity.

    Error and critical spend `page`, warning `warn`, info `info`. Every (kind, segment, window) has a window test and a
    sequential detector side by side, each with half. Subjects of one grouped alert share its part (Holm, and run
    lengths multiplied by their number).

    Parameters
    ----------
    rules
        What is judged.
    segments
        Segments the reference knows, all rows included.
    windows
        How many window lengths have blocks enough to be judged, at least 1.
    """

    def __init__(self, rules: Rules, segments: int, windows: int) -> None:
        alarms = rules.compiled.definition.false_alarms
        judged: list[AlertKind] = sorted({rule.kind for rule in rules.drift.values()})
        judged += [rule.kind for rule in rules.outcomes]
        judged += ["traffic"] if rules.traffic_windows else []
        self._per_day: dict[AlertKind, float] = {}
        for rate, spenders in ((alarms.page, _PAGE), (alarms.warn, _WARN), (alarms.info, _INFO)):
            members = [kind for kind in judged if kind in spenders]
            detectors = 2 * len(members) * max(1, segments) * max(1, windows)
            self._per_day.update(dict.fromkeys(members, parse_rate(rate) / max(1, detectors)))

    def allowance(self, kind: AlertKind, scheme: WindowScheme) -> Allowance:
        """Return what the detectors of a kind may spend on one segment's windows of one length."""
        per_day = self._per_day[kind]
        days = max(1, scheme.whole_days) if scheme.whole_days else scheme.length_ms / DAY_MS
        hops = scheme.whole_days or round(scheme.length_ms / (scheme.pane_scheme.end(0) - scheme.pane_scheme.start(0)))
        decisions_per_day = (1 + _OVERLAP * (hops - 1)) / days
        low, high = _ALPHA_RANGE
        return Allowance(min(high, max(low, per_day / decisions_per_day)), 1 / (per_day * days))
