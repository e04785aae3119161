"""What a load is made of; the same specification and seed make the same bytes."""

from dataclasses import dataclass
from typing import Literal

DriftKind = Literal["none", "mean", "scale", "category", "missing", "outcome"]

START_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Drift:
    """What changes, when, and by how much.

    Parameters
    ----------
    kind
        mean: numeric features move by `size` standard deviations; scale: they widen by the factor 1 + `size`;
        category: this share of rows takes a category never seen before; missing: this share of values is null;
        outcome: log odds of the outcome rise by `size` while scores stay (calibration is lost, nothing else moves).
    at_seconds
        Event time after the start from which it holds.
    for_seconds, every_seconds
        How long it holds, and after how long it comes again; None: for ever, and never.
    size
        As the kind says.
    features
        How many features it touches, the first ones.
    """

    kind: DriftKind = "none"
    at_seconds: float = 0.0
    size: float = 1.0
    features: int = 1
    for_seconds: float | None = None
    every_seconds: float | None = None


@dataclass(frozen=True)
class LoadSpec:
    """The standard event: 700 B of JSON, 15 numeric and 5 categorical features, a latency, a segment, a label.

    Parameters
    ----------
    per_second
        Predictions per second of event time, all models together; arrivals are Poisson.
    models, versions
        Names are `model-0` (or `standard` when there is one) and `1`, `2`, ...; models share the traffic by Zipf's
        law with exponent `model_skew` (0: equally).
    segments, segment_values
        Segment dimensions and values of each.
    padding_bytes
        Added to each prediction in a field that nobody reads, for larger events.
    label_ratio, label_delay_seconds, label_spread
        Share of predictions that get a label; median and log-standard deviation of its log-normal delay.
    missing_ratio
        Share of numeric values that are null.
    partition_skew
        None: partitions by the key, as every client does. Else partition k has the share 1 / (k + 1) ** skew, and a
        prediction and its label are still in the same one.
    """

    seed: int = 1
    per_second: float = 1_000.0
    models: int = 1
    model_skew: float = 0.0
    versions: int = 1
    numeric: int = 15
    categorical: int = 5
    categories: int = 12
    segments: int = 1
    segment_values: int = 4
    padding_bytes: int = 0
    label_ratio: float = 1.0
    label_delay_seconds: float = 10.0
    label_spread: float = 0.5
    missing_ratio: float = 0.01
    error_ratio: float = 0.001
    partition_skew: float | None = None
    partitions: int = 4
    start_ms: int = START_MS
    drifts: tuple[Drift, ...] = ()

    @property
    def model_names(self) -> list[str]:
        """Name of every model."""
        return ["standard"] if self.models == 1 else [f"model-{i}" for i in range(self.models)]

    @property
    def numeric_names(self) -> list[str]:
        """Name of every numeric feature."""
        return [f"numeric_feature_{i}" for i in range(self.numeric)]

    @property
    def categorical_names(self) -> list[str]:
        """Name of every categorical feature."""
        return [f"category_{i}" for i in range(self.categorical)]

    @property
    def segment_names(self) -> list[str]:
        """Name of every segment dimension; the first is a region."""
        return ["region", *(f"segment_{i}" for i in range(1, self.segments))][: self.segments]
