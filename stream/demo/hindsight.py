"""What a retrained model would have done: the question every drift alert ends in, answered with the same year.

Each Monday of the watched months a new model is fitted on the 28 days before, with the labels known by then, and scores
the week ahead.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stream.demo.flights import Flights
from stream.demo.models import train
from stream.demo.timetable import WATCHED_FROM_MONTH

DAY_MS = 86_400_000
TRAINING_DAYS = 28
PERIOD_DAYS = 7
REFERENCE_MONTH = 2


@dataclass(frozen=True)
class MonthlyLoss:
    """Mean log loss of one month: as it was served, and as a weekly retrained model would have served it."""

    month: int
    n: int
    late_ratio: float
    served: float
    retrained: float


def monthly_losses(flights: Flights, name: str, served: "np.ndarray[Any, np.dtype[np.float64]]") -> list[MonthlyLoss]:
    """Fit about 43 models (half a minute) and compare month by month."""
    retrained = _retrained_scores(flights, name)
    known = ~np.isnan(flights.late) & ~np.isnan(retrained)
    losses = []
    for month in range(WATCHED_FROM_MONTH, 13):
        rows = known & (flights.month == month)
        late = flights.late[rows]
        losses.append(
            MonthlyLoss(
                month=month,
                n=int(rows.sum()),
                late_ratio=float(late.mean()),
                served=log_loss(late, served[rows]),
                retrained=log_loss(late, retrained[rows]),
            )
        )
    return losses


def february_loss(flights: Flights, served: "np.ndarray[Any, np.dtype[np.float64]]") -> float:
    """Return the log loss of the reference month."""
    rows = (flights.month == REFERENCE_MONTH) & ~np.isnan(flights.late)
    return log_loss(flights.late[rows], served[rows])


def log_loss(outcome: "np.ndarray[Any, Any]", score: "np.ndarray[Any, Any]") -> float:
    """Mean negative log likelihood, nats."""
    score = np.clip(score, 1e-6, 1 - 1e-6)
    return float(-np.mean(outcome * np.log(score) + (1 - outcome) * np.log(1 - score)))


def _retrained_scores(flights: Flights, name: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
    scores = np.full(len(flights.ids), np.nan)
    times = flights.scheduled_ms
    start = int(times[np.flatnonzero(flights.month >= WATCHED_FROM_MONTH)[0]])
    while start <= times[-1]:
        end = start + PERIOD_DAYS * DAY_MS
        known = (flights.landed_ms >= start - TRAINING_DAYS * DAY_MS) & (flights.landed_ms < start)
        week = (times >= start) & (times < end)
        if week.any():
            scores[week] = train(name, flights, known).scores(flights.frame[week])
        start = end
    return scores
