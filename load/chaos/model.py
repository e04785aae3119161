"""The two models that are watched: their definitions, their healthy past, and one row of each."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

MODELS = ("credit", "churn")
"""Their keys lie in different partitions of a `profiles` topic of two."""

VERSIONS = {"credit": ("1",), "churn": ("1", "2")}
ROWS_PER_MINUTE = 240
REFERENCE_MINUTES = 40
SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
HORIZON_MS = 2 * MINUTE_MS
DEFINITION = """\
model: {model}
task: binary
positive: bad
label_horizon: 2m
label_ages: [30s]
segments: [region]
features: {{age: numeric, debt: numeric, channel: categorical}}
reference: {{file: {reference}, held_out: true}}
windows: [1m]
monitors:
  - drift: {{features: all}}
  - drift: {{subject: score}}
  - performance: {{metric: log_loss, drop: {drop}}}
  - calibration: {{min_effect: 0.03}}
  - coverage: {{}}
  - latency: {{slo: 500ms, budget: 5%, windows: [1m]}}
  - errors: {{budget: 5%, windows: [1m]}}
  - traffic: {{}}
"""


@dataclass(frozen=True)
class Health:
    """What is wrong with the world: 0 is healthy."""

    older: float = 0.0
    riskier: float = 0.0
    failing: float = 0.0


@dataclass(frozen=True)
class Row:
    """One prediction as it truly is, whoever tells of it how often and when."""

    age: float
    debt: float | None
    channel: str
    region: str
    score: float
    outcome: str
    latency_ms: float
    failed: bool
    delay_ms: int


def definition(model: str, reference: str, drop: float = 0.05) -> str:
    """Return the definition's file."""
    return DEFINITION.format(model=model, reference=reference, drop=drop)


def make_rows(count: int, health: Health, rng: np.random.Generator) -> list[Row]:
    """Make so many rows: applicants whose age the model knows, and whose outcome it knows as well as health allows."""
    age = np.round(rng.normal(health.older, 1.0, count), 4)
    debt = np.round(rng.lognormal(0.0, 0.5, count), 4)
    risk = 1 / (1 + np.exp(1.0 - age + health.older + 0.8 * np.log(debt)))
    bad = rng.random(count) < risk + health.riskier * (1 - risk)
    failed, missing = rng.random(count) < 0.01 + health.failing, rng.random(count) < 0.03
    return [
        Row(
            age=float(age[i]),
            debt=None if missing[i] else float(debt[i]),
            channel=str(rng.choice(["web", "branch", "phone"], p=[0.6, 0.3, 0.1])),
            region=str(rng.choice(["north", "south"])),
            score=round(float(risk[i]), 6),
            outcome="bad" if bad[i] else "good",
            latency_ms=round(float(rng.lognormal(4.0, 0.6)), 3),
            failed=bool(failed[i]),
            delay_ms=int(rng.choice([rng.integers(2_000, 25_000), rng.integers(31_000, 110_000)])),
        )
        for i in range(count)
    ]


def reference_frame(end_ms: int, seed: int) -> pd.DataFrame:
    """Return the healthy minutes before an instant, as a reference's file holds them."""
    rng = np.random.default_rng(seed)
    count = ROWS_PER_MINUTE * REFERENCE_MINUTES
    rows = [replace(row, failed=False) for row in make_rows(count, Health(), rng)]
    at_ms = end_ms - REFERENCE_MINUTES * MINUTE_MS + np.arange(count) * MINUTE_MS // ROWS_PER_MINUTE
    labelled = at_ms + np.array([row.delay_ms for row in rows])
    return pd.DataFrame({
        "timestamp": pd.to_datetime(at_ms, unit="ms", utc=True),
        "prediction": [row.score for row in rows],
        "label": [row.outcome for row in rows],
        "label_timestamp": pd.to_datetime(labelled, unit="ms", utc=True),
        "latency_ms": [row.latency_ms for row in rows],
        **{name: [getattr(row, name) for row in rows] for name in ("age", "debt", "channel", "region")},
    })  # fmt: skip
