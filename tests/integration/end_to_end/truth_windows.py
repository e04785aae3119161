"""Numbers of one window by pandas, SciPy and scikit-learn, and the blocks of the reference they are compared with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from integration.end_to_end.scenario import CATEGORICAL, HORIZON_MS, NUMERIC, RUNGS_MS, SLO_MS
from integration.end_to_end.truth_rows import SKEW_MS, with_days
from scipy import stats
from sklearn import metrics

CLIP = 1e-6
EPOCH = pd.Timestamp(0, tz="UTC")
Numbers = dict[str, float]


def of_segment(frame: pd.DataFrame, segment: str) -> pd.DataFrame:
    """Return the rows of a segment: "" is all."""
    return frame[frame["region"] == segment.removeprefix("region=")] if segment else frame


def service_numbers(rows: pd.DataFrame) -> Numbers:
    """Return requests, shares of slow and failed ones, and latencies: the value of rank floor(q (n - 1))."""
    latency = np.sort(rows["latency"].dropna().to_numpy())
    ranks = {name: latency[int(q * (len(latency) - 1))] for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    return {
        "n": len(rows),
        "over_slo_ratio": float((latency > SLO_MS).mean()),
        "error_ratio": float(rows["error"].mean()),
        **{name: float(value) for name, value in ranks.items()},
    }


def outcome_numbers(scores: pd.Series, labels: pd.Series) -> Numbers:
    """Return every metric that a report shows, of the rows that have a label; those without a score only count."""
    labelled = labels.notna()
    known = labelled & scores.notna()
    p, y = scores[known].to_numpy(), (labels[known] == "bad").to_numpy().astype(int)
    base = y.mean()
    return {
        "labelled": int(labelled.sum()),
        "coverage": float(labelled.mean()),
        "log_loss": metrics.log_loss(y, np.clip(p, CLIP, 1 - CLIP), labels=[0, 1]),
        "brier": metrics.brier_score_loss(y, p),
        "accuracy": metrics.accuracy_score(y, p >= 0.5),
        "roc_auc": metrics.roc_auc_score(y, p),
        "prevalence": float(base),
        "mean_score": float(p.mean()),
        "calibration": float(base - p.mean()),
        "constant": metrics.log_loss(y, np.full(len(y), base), labels=[0, 1]),
    }


def auc_bound(p: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Return how far an AUC counted in bins a hundredth wide may be off: half of all pairs that share a bin.

    Bins below .01 and above .99 are finer; those of a hundredth are a bound for them too.
    """
    bins = np.floor(p * 100).astype(int)
    good, bad = (np.bincount(bins[y == value], minlength=101) for value in (0, 1))
    return float((good / good.sum()) @ (bad / bad.sum())) / 2


@dataclass(frozen=True)
class Blocks:
    """Healthy values of one number, a day each; what lies outside is judged in prediction standard deviations."""

    healthy: np.ndarray[Any, Any]

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return len(self.healthy) - 1

    @property
    def spread(self) -> float:
        """Standard deviation of the next value about the mean, the mean's own error included; NaN below two."""
        if self.df < 1:
            return float("nan")
        return float(self.healthy.std(ddof=1) * np.sqrt(1 + 1 / len(self.healthy)))

    def z(self, value: float) -> float:
        """Return how many of them a value lies off."""
        return float((value - self.healthy.mean()) / self.spread)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the Student-t prediction interval."""
        half = stats.t.isf(alpha / 2, self.df) * self.spread
        return float(self.healthy.mean() - half), float(self.healthy.mean() + half)


def reference_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the reference's file in the terms of the log, with one column of labels for each age ("label_3600000")."""
    ts, labelled = ((frame[name] - EPOCH) // pd.Timedelta(milliseconds=1) for name in ("timestamp", "label_timestamp"))
    age = labelled - ts
    rows = pd.DataFrame({
        "id": frame["prediction_id"], "ts": ts, "on_time": True, "region": frame["region"],
        "latency": frame["latency_ms"], "score": np.float32(frame["prediction"]).astype(float),
        **{name: frame[name] for name in (*NUMERIC, *CATEGORICAL)},
        **{
            f"label_{rung}": frame["label"].where((age >= -SKEW_MS) & (age <= min(rung, HORIZON_MS)))
            for rung in RUNGS_MS
        },
    })  # fmt: skip
    return with_days(rows)


def daily(rows: pd.DataFrame, segment: str) -> list[pd.DataFrame]:
    """Return the rows of a segment day by day."""
    return [day for _, day in of_segment(rows, segment).groupby("day")]
