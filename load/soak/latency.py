"""From the produce call that lets a window close to the alert in a subscriber's hands; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from load.generate.encode import LABEL, PREDICTION
from load.soak.witness import Place
from tidegauge import Alert

ON_OUTCOMES = frozenset({"performance", "calibration", "coverage"})
"""Kinds that wait for the labels' watermark too."""

BY_CLOCK = "tidegauge.state"
"""The one kind that silence and the wall clock decide: no event lets it come."""


@dataclass(frozen=True)
class Delay:
    """One transition: when it came (seconds after the first event), and how long after the event that allowed it."""

    at_seconds: float
    seconds: float
    kind: str


@dataclass(frozen=True)
class Spread:
    """Delays of a stretch of the run."""

    since_seconds: float
    count: int
    p50_seconds: float
    p99_seconds: float


def delays(
    heard: Iterable[tuple[float, Alert]],
    seen: Mapping[Place, Mapping[int, float]],
    lateness_ms: int,
    started: float,
) -> list[Delay]:
    """Return the delay of each transition whose last event is known.

    Parameters
    ----------
    heard
        Unix time of each alert's arrival.
    seen
        By a witness: Unix time of the produce call that first reached each second, by kind and partition.
    lateness_ms
        A window closes when every partition has an event this much beyond it.
    started
        Unix time of the first event.
    """
    found = []
    for at, alert in heard:
        closed = None if alert.kind == BY_CLOCK else closed_at(alert, seen, lateness_ms)
        if closed is not None:
            found.append(Delay(at - started, at - closed, alert.kind))
    return found


def closed_at(alert: Alert, seen: Mapping[Place, Mapping[int, float]], lateness_ms: int) -> float | None:
    """Return when the last event was produced that let an alert be decided; None when no event did."""
    second = -(-(alert.decided_at_ms + lateness_ms) // 1000)
    kinds = (PREDICTION, LABEL) if alert.kind in ON_OUTCOMES else (PREDICTION,)
    moments = [seconds.get(second) for (kind, _), seconds in seen.items() if kind in kinds]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known and len(known) == len(moments) else None


def spread(found: Sequence[Delay], since_seconds: float = 0.0) -> Spread:
    """Sum delays up."""
    if not found:
        return Spread(since_seconds, 0, float("nan"), float("nan"))
    p50, p99 = np.percentile([delay.seconds for delay in found], (50, 99))
    return Spread(since_seconds, len(found), float(p50), float(p99))


def by_stretch(found: Sequence[Delay], seconds: float) -> list[Spread]:
    """Sum delays up for each stretch of so many seconds in which any alert came."""
    stretches: dict[int, list[Delay]] = {}
    for delay in found:
        stretches.setdefault(int(delay.at_seconds // seconds), []).append(delay)
    return [spread(inside, number * seconds) for number, inside in sorted(stretches.items())]


def apart(found: Iterable[Delay], disturbed: Sequence[tuple[float, float]]) -> tuple[list[Delay], list[Delay]]:
    """Part delays into those of calm times and those that came while something was wrong, or just had been."""
    calm: list[Delay] = []
    rough: list[Delay] = []
    for delay in found:
        inside = any(first <= delay.at_seconds <= last for first, last in disturbed)
        (rough if inside else calm).append(delay)
    return calm, rough
