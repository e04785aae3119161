"""Random columns: what happened to `count` requests, as arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from load.generate.spec import Drift, LoadSpec

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LATENCY_MS, LATENCY_SPREAD = 12.0, 0.6
INFORMATIVE = 5
"""Features that the score depends on."""

_MODEL_SEED = 2
"""The model is the same for every seed of its traffic: a reference, drawn by another seed, must be of the same one."""


@dataclass(frozen=True)
class Columns:
    """Rows in order of event time; `numbers` holds NaN where a value is missing, `label_ms` -1 where none comes."""

    timestamps_ms: Ints
    numbers: Floats
    categories: Ints
    segments: Ints
    scores: Floats
    latencies_ms: Floats
    failed: NDArray[np.bool_]
    models: Ints
    versions: Ints
    outcomes: Ints
    label_ms: Ints
    partitions: Ints

    def __len__(self) -> int:
        return len(self.timestamps_ms)


class Drawer:
    """Draws columns one slice after the other; the slices' sizes change nothing but how draws are cut."""

    def __init__(self, spec: LoadSpec) -> None:
        self.spec = spec
        self._random = np.random.default_rng(spec.seed)
        weights = np.random.default_rng(_MODEL_SEED)
        self._weights = weights.normal(size=min(INFORMATIVE, spec.numeric)) * 0.5
        self._model_shares = shares(spec.models, spec.model_skew)
        self._category_shares = shares(spec.categories, 1.0)
        self._partition_shares = shares(spec.partitions, spec.partition_skew or 0.0)
        self._now_ms = float(spec.start_ms)

    def draw(self, count: int) -> Columns:
        """Draw the next `count` requests."""
        spec, random = self.spec, self._random
        gaps = random.exponential(1000 / spec.per_second, count)
        exact_ms = self._now_ms + np.cumsum(gaps)
        self._now_ms = float(exact_ms[-1]) if count else self._now_ms
        numbers = random.normal(size=(count, spec.numeric)).round(4)
        log_odds = -0.9 + numbers[:, : len(self._weights)] @ self._weights
        scores = _sigmoid(log_odds + random.normal(size=count) * 0.3)
        columns = Columns(
            timestamps_ms=exact_ms.astype(np.int64),
            numbers=numbers,
            categories=random.choice(spec.categories, (count, spec.categorical), p=self._category_shares),
            segments=random.integers(0, spec.segment_values, (count, spec.segments)),
            scores=scores.round(6),
            latencies_ms=(random.lognormal(np.log(LATENCY_MS), LATENCY_SPREAD, count)).round(2),
            failed=random.random(count) < spec.error_ratio,
            models=self._choose(self._model_shares, count),
            versions=random.integers(0, spec.versions, count),
            outcomes=np.zeros(count, dtype=np.int64),
            label_ms=self._label_ms(exact_ms, count),
            partitions=self._choose(self._partition_shares, count) if spec.partition_skew is not None else _any(count),
        )
        self._outcomes(columns)
        self._drift(columns)
        return columns

    def _label_ms(self, exact_ms: Floats, count: int) -> Ints:
        spec, random = self.spec, self._random
        delays = random.lognormal(np.log(max(spec.label_delay_seconds, 1e-9) * 1000), spec.label_spread, count)
        due: Ints = (exact_ms + delays).astype(np.int64)
        due[random.random(count) >= spec.label_ratio] = -1
        return due

    def _choose(self, probabilities: Floats, count: int) -> Ints:
        if len(probabilities) == 1:
            return np.zeros(count, dtype=np.int64)
        return self._random.choice(len(probabilities), count, p=probabilities).astype(np.int64)

    def _outcomes(self, columns: Columns) -> None:
        """Draw outcomes from the scores, so that a model without drift is calibrated."""
        log_odds = np.log(columns.scores / (1 - columns.scores))
        for drift in self.spec.drifts:
            if drift.kind == "outcome":
                log_odds = log_odds + drift.size * self._drifted(columns, drift)
        columns.outcomes[:] = self._random.random(len(columns)) < _sigmoid(log_odds)

    def _drift(self, columns: Columns) -> None:
        """Change what the service sends; missing values come last, as they would in a pipeline."""
        for drift in self.spec.drifts:
            self._apply(drift, columns)
        np.round(columns.numbers, 4, out=columns.numbers)
        columns.numbers[self._random.random(columns.numbers.shape) < self.spec.missing_ratio] = np.nan

    def _apply(self, drift: Drift, columns: Columns) -> None:
        rows, random = self._drifted(columns, drift), self._random
        touched = columns.numbers[:, : drift.features]
        if drift.kind == "mean":
            touched[rows] += drift.size
        elif drift.kind == "scale":
            touched[rows] *= 1 + drift.size
        elif drift.kind == "category":
            new = rows & (random.random(len(columns)) < drift.size)
            columns.categories[new, : drift.features] = self.spec.categories
        elif drift.kind == "missing":
            touched[rows[:, None] & (random.random(touched.shape) < drift.size)] = np.nan

    def _drifted(self, columns: Columns, drift: Drift) -> NDArray[np.bool_]:
        since_ms = columns.timestamps_ms - (self.spec.start_ms + drift.at_seconds * 1000)
        drifted: NDArray[np.bool_] = since_ms >= 0
        if drift.every_seconds is not None:
            since_ms = since_ms % (drift.every_seconds * 1000)
        if drift.for_seconds is not None:
            drifted &= since_ms < drift.for_seconds * 1000
        return drifted


def shares(count: int, exponent: float) -> Floats:
    """Zipf's law: shares that fall with rank to the power of `exponent`, summing to 1."""
    weights = 1 / np.arange(1, count + 1) ** exponent
    return np.asarray(weights / weights.sum())


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))


def _any(count: int) -> Ints:
    return np.full(count, -1, dtype=np.int64)


def category_name(number: Any) -> str:
    """Text of a category, as it stands in events and reference files."""
    return f"value-{number}"
