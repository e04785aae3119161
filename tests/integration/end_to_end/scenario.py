"""What happens in the end-to-end tests: a lender's model, sixteen healthy days, twelve watched ones, and their trouble.

Everything is made by one seeded generator. From the fifth watched day on applicants are older (a feature the model
ignores) and default more often than the model says; other days bring late rows, slow answers, errors, a category never
seen, and a day of half the traffic. The clocks go back on that fifth day: it has 25 hours.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

MODEL, VERSION, ZONE = "lender", "2024.3", "America/New_York"
REFERENCE_DAYS = pd.date_range("2024-10-14", periods=16, freq="D", tz=ZONE)
WATCHED_DAYS = pd.date_range("2024-10-30", periods=12, freq="D", tz=ZONE)
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RUNGS_MS = (HOUR, 6 * HOUR, DAY, 2 * DAY)
HORIZON_MS = RUNGS_MS[-1]
NUMERIC, CATEGORICAL = ("age", "debt", "income"), ("channel",)
SLO_MS = 500

DEFINITION = """\
model: lender
task: binary
positive: bad
timezone: America/New_York
label_horizon: 2d
label_ages: [1h, 6h, 1d]
segments: [region]
features: {age: numeric, debt: numeric, income: numeric, channel: categorical}
reference: {file: healthy.parquet, held_out: true}
windows: [1d]
monitors:
  - drift: {features: all}
  - drift: {subject: score}
  - performance: {metric: log_loss, drop: 0.05}
  - calibration: {min_effect: 0.03}
  - coverage: {}
  - latency: {slo: 500ms, budget: 1%}
  - errors: {budget: 2%, windows: [1d]}
  - traffic: {}
"""

BAD_PREDICTIONS: dict[bytes, str] = {
    b'{"prediction_id": "cut sh': "invalid_json",
    b'{"prediction_id": "nan", "model": "lender", "timestamp_ms": 1, "prediction": NaN}': "invalid_json",
    b'{"prediction_id": "late", "model": "lender"}': "missing_field",
    b'{"prediction_id": 17, "model": "lender", "timestamp_ms": 1}': "wrong_type",
    b'{"type": "surprise", "prediction_id": "x"}': "unknown_type",
    b'{"prediction_id": "old", "model": "lender", "timestamp_ms": -5}': "timestamp_out_of_range",
    b"\xff\xfe not text": "invalid_json",
    json.dumps(
        {
            "prediction_id": "wide",
            "model": "lender",
            "timestamp_ms": 1_700_000_000_000,
            "features": dict.fromkeys(map(str, range(600)), 1),
        }
    ).encode(): "too_many_features",
}
BAD_LABELS: dict[bytes, str] = {
    b"[]": "wrong_type",
    b'{"prediction_id": "y", "label": "bad"}': "missing_field",
    b'{"prediction_id": "y", "label": {}, "timestamp_ms": 1}': "wrong_type",
}


@dataclass
class Step:
    """One thing the service does, at an instant of event time that orders it among the others."""

    at_ms: int
    do: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Return the step as the service reads it."""
        return json.dumps({"do": self.do, **self.arguments})


@dataclass(frozen=True)
class Trouble:
    """What is wrong on one watched day (0 is the first)."""

    older: float = 0.0
    riskier: float = 0.0
    traffic: int = 600
    late_ratio: float = 0.005
    errors: float = 0.008
    missing: float = 0.02
    kiosk: float = 0.0
    slow_hours: tuple[int, int] = (0, 0)


def trouble(day: int) -> Trouble:
    """Return the trouble of a watched day; before the first (negative) there is none."""
    drifted = day >= 4
    return Trouble(
        older=0.9 if drifted else 0.0,
        riskier=0.9 if drifted else 0.0,
        traffic=300 if day == 9 else 600,
        late_ratio=0.0 if day < 0 else 0.05 if day == 2 else 0.005,
        errors=0.08 if day == 8 else 0.008,
        missing=0.10 if day == 6 else 0.02,
        kiosk=0.04 if day in {10, 11} else 0.0,
        slow_hours=(9, 17) if day == 7 else (0, 0),
    )


class Lender:
    """Generator of rows: features, score, outcome, delays."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def day(self, start: pd.Timestamp, today: Trouble, name: str) -> pd.DataFrame:
        """Return the rows of one local day, in order of time."""
        rng, hours = self.random, ((start + pd.DateOffset(days=1)) - start) / pd.Timedelta(hours=1)
        n = int(today.traffic * hours / 24) + int(rng.integers(-25, 26))
        offset = np.sort(rng.integers(0, int(hours * HOUR), n))
        slow = (offset >= today.slow_hours[0] * HOUR) & (offset < today.slow_hours[1] * HOUR) & (rng.random(n) < 0.6)
        debt, income = rng.normal(0.35, 0.1, n), rng.lognormal(10.5, 0.4, n)
        logit = -1.2 + 6 * (debt - 0.35) - 0.8 * (np.log(income) - 10.5)
        probabilities = [0.5, 0.3, 0.2 - today.kiosk, today.kiosk]
        return pd.DataFrame({
            "id": [f"{name}-{i}" for i in range(n)],
            "ts": int(start.timestamp() * 1000) + offset,
            "age": np.round(rng.normal(42 + 11 * today.older, 11, n), 1),
            "debt": np.where(rng.random(n) < today.missing, np.nan, debt),
            "income": np.round(income, 2),
            "channel": rng.choice(["web", "app", "branch", "kiosk"], n, p=probabilities),
            "region": rng.choice(["north", "south"], n, p=[0.55, 0.45]),
            "score": 1 / (1 + np.exp(-logit)),
            "error": rng.random(n) < today.errors,
            "latency": np.round(np.where(slow, 900.0, rng.lognormal(3.7, 0.5, n)), 3),
            "bad": rng.random(n) < 1 / (1 + np.exp(-(logit + today.riskier))),
            "labelled": rng.random(n) < 0.92,
            "delay": np.minimum(rng.exponential(6 * HOUR, n), 46 * HOUR).astype(np.int64),
            "behind": np.where(rng.random(n) < today.late_ratio, rng.integers(10 * MINUTE, 50 * MINUTE, n), 0),
        })  # fmt: skip


def reference_frame() -> pd.DataFrame:
    """Return the healthy days as the reference's file holds them."""
    lender = Lender(seed=1)
    days = [lender.day(day, Trouble(late_ratio=0.0, errors=0.0), f"h{i}") for i, day in enumerate(REFERENCE_DAYS)]
    rows = pd.concat(days, ignore_index=True)
    label = np.where(rows["labelled"], np.where(rows["bad"], "bad", "good"), None)
    return pd.DataFrame({
        "timestamp": pd.to_datetime(rows["ts"], unit="ms", utc=True),
        "prediction_id": rows["id"],
        "prediction": rows["score"],
        "label": label,
        "label_timestamp": pd.to_datetime(rows["ts"] + rows["delay"], unit="ms", utc=True),
        "latency_ms": rows["latency"],
        "region": rows["region"],
        **{name: rows[name] for name in (*NUMERIC, *CATEGORICAL)},
    })  # fmt: skip


def steps() -> list[Step]:
    """Return everything the service does, in order."""
    lender = Lender(seed=2)
    days = [lender.day(day, trouble(i), f"w{i}") for i, day in enumerate(WATCHED_DAYS)]
    rows = pd.concat(days, ignore_index=True)
    everything = [*_predictions(rows, lender.random), *_labels(rows, lender.random), *_noise(rows)]
    return sorted(everything, key=lambda step: step.at_ms)


def end_ms() -> int:
    """Return the instant at which the last watched day ends."""
    return int((WATCHED_DAYS[-1] + pd.DateOffset(days=1)).timestamp() * 1000)


def _predictions(rows: pd.DataFrame, rng: np.random.Generator) -> Iterator[Step]:
    again = rng.random(len(rows)) < 0.01
    for row, repeated in zip(rows.itertuples(), again, strict=True):
        features = {"age": row.age, "debt": None if np.isnan(row.debt) else row.debt, "income": row.income}
        event: dict[str, Any] = {
            "prediction_id": row.id,
            "timestamp_ms": int(row.ts),
            "features": {**features, "channel": row.channel},
            "segments": {"region": row.region},
            "latency_ms": row.latency,
        }
        event |= {"error": "no answer"} if row.error else {"prediction": row.score}
        yield Step(int(row.ts + row.behind), "log", event)
        if repeated:
            other = {**event, "timestamp_ms": int(row.ts) + 20 * MINUTE, "features": {"age": 99.0}}
            yield Step(int(row.ts) + 20 * MINUTE, "log", other)
    for day in (1, 5):  # rows nobody waits for: two hours behind, beyond the retention
        row = rows[rows["id"] == f"w{day}-300"].iloc[0]
        event = {"prediction_id": f"lost-{day}", "timestamp_ms": int(row.ts), "prediction": 0.5}
        yield Step(int(row.ts) + 2 * HOUR, "log", event)
    huge = {"prediction_id": "huge", "prediction": 0.2, "features": {"age": 1e300, "income": -1e300}}
    at_ms = int(rows[rows["id"] == "w3-100"]["ts"].iloc[0])
    yield Step(at_ms, "log", {**huge, "timestamp_ms": at_ms, "segments": {"region": "north"}})


def _labels(rows: pd.DataFrame, rng: np.random.Generator) -> Iterator[Step]:
    fate = rng.random(len(rows))
    for row, chance in zip(rows.itertuples(), fate, strict=True):
        if not row.labelled:
            continue
        value, other = ("bad", "good") if row.bad else ("good", "bad")
        at_ms = int(row.ts + row.delay)
        if chance < 0.02:  # two clocks disagree: the label is five seconds older than its prediction
            at_ms = int(row.ts) - 5 * SECOND
        elif chance < 0.03:  # too old to belong to it
            at_ms = int(row.ts) - 15 * SECOND
        elif chance < 0.04:  # too late for the horizon
            at_ms = int(row.ts) + HORIZON_MS + HOUR
        behind = 30 * MINUTE if 0.04 <= chance < 0.06 else 0
        yield Step(at_ms + behind, "label", _label(row.id, value, at_ms))
        if 0.06 <= chance < 0.08:
            yield Step(at_ms + MINUTE, "label", _label(row.id, value, at_ms))  # the same once more
        elif 0.08 <= chance < 0.12:  # corrected: at once, or after some hours
            later = at_ms + (MINUTE if chance < 0.1 else 5 * HOUR)
            yield Step(later, "label", _label(row.id, other, later))
        elif 0.12 <= chance < 0.13:  # a correction that is older than what it would correct
            yield Step(at_ms + MINUTE, "label", _label(row.id, other, at_ms - MINUTE))


def _label(identity: str, label: str, timestamp_ms: int) -> dict[str, Any]:
    return {"prediction_id": identity, "label": label, "timestamp_ms": timestamp_ms}


def _noise(rows: pd.DataFrame) -> Iterator[Step]:
    """Yield what is no prediction and no label of ours: dead letters, feedback, labels of nothing."""
    times = rows["ts"].iloc[:: len(rows) // 40].tolist()
    for at_ms, raw in zip(times, BAD_PREDICTIONS, strict=False):
        yield Step(at_ms, "raw", {"role": "predictions", "hex": raw.hex()})
    for at_ms, raw in zip(times[10:], BAD_LABELS, strict=False):
        yield Step(at_ms, "raw", {"role": "labels", "hex": raw.hex()})
    for at_ms in times[20:25]:
        yield Step(at_ms, "label", _label(f"nobody-{at_ms}", "bad", at_ms))
        yield Step(at_ms, "feedback", {"prediction_id": "w0-1", "signals": {"thumbs": 1.0}, "timestamp_ms": at_ms})
