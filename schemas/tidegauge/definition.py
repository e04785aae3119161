"""What a model is and what to watch of it: the content of `planner.yaml`, and the records of the `models` topic."""

from typing import Literal

import msgspec

Task = Literal["binary", "multiclass", "regression", "score"]
FeatureType = Literal["numeric", "categorical"]


class DriftMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="drift", forbid_unknown_fields=True
):
    """Inputs or scores against the reference; `method` is a named preset of the effect size (default by type)."""

    features: Literal["all"] | list[str] = "all"
    subject: Literal["features", "score"] = "features"
    method: Literal["auto", "psi", "jensen_shannon", "ks", "wasserstein"] = "auto"
    min_effect: float | None = None
    for_windows: int = msgspec.field(default=1, name="for")
    windows: list[str] = []


class PerformanceMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="performance", forbid_unknown_fields=True
):
    """A metric at its label age against the reference at the same age; `drop` is the harm worth waking up for."""

    metric: str = "auto"
    drop: float | None = None
    age: str | None = None
    for_windows: int = msgspec.field(default=1, name="for")
    windows: list[str] = []


class CalibrationMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="calibration", forbid_unknown_fields=True
):
    """Mean outcome minus mean score, against the reference's blocks."""

    min_effect: float = 0.02
    age: str | None = None
    for_windows: int = msgspec.field(default=1, name="for")
    windows: list[str] = []


class CoverageMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="coverage", forbid_unknown_fields=True
):
    """The share of predictions whose label has come by its age, against the reference's blocks."""

    min_effect: float = 0.05
    age: str | None = None
    windows: list[str] = []


class LatencyMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="latency", forbid_unknown_fields=True
):
    """Share of requests slower than `slo` against `budget`; burn rate over paired windows unless `windows` say."""

    slo: str = "500ms"
    budget: str | float = "1%"
    windows: list[str] = []


class ErrorsMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="errors", forbid_unknown_fields=True
):
    """Share of failed requests against `budget`; burn rate over paired windows unless `windows` are named."""

    budget: str | float = "1%"
    windows: list[str] = []


class TrafficMonitor(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="traffic", forbid_unknown_fields=True
):
    """Number of predictions against the reference's blocks of the same phase."""

    windows: list[str] = []


Monitor = (
    DriftMonitor
    | PerformanceMonitor
    | CalibrationMonitor
    | CoverageMonitor
    | LatencyMonitor
    | ErrorsMonitor
    | TrafficMonitor
)


class ReferenceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the healthy blocks come from: a file of data the model was not trained on, or the stream's first days."""

    file: str | None = None
    held_out: bool | None = None
    learn: str | None = None
    trailing: str | None = None
    season: str | None = None
    columns: dict[str, str] = {}


class FalseAlarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Expected false episodes of a model's drift, performance and traffic together, as "episodes/duration"."""

    page: str = "1/90d"
    warn: str = "1/30d"
    info: str = "1/7d"


DEFAULT_MONITORS: tuple[Monitor, ...] = (
    DriftMonitor(),
    DriftMonitor(subject="score"),
    PerformanceMonitor(),
    CalibrationMonitor(),
    CoverageMonitor(),
    LatencyMonitor(),
    ErrorsMonitor(),
    TrafficMonitor(),
)


DEFAULT_LABEL_AGES = ("1h", "6h", "1d")
DEFAULT_WINDOWS = ("1d", "7d")


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. Everything but `model` has a default; durations are text ("10s", "2d") as people write them."""

    model: str
    task: Task = "score"
    positive: str | None = None
    classes: list[str] = []
    threshold: float = 0.5
    timezone: str = "UTC"
    lateness: str | None = None
    label_horizon: str = "2d"
    label_ages: list[str] = msgspec.field(default_factory=lambda: list(DEFAULT_LABEL_AGES))
    segments: list[str] = []
    features: dict[str, FeatureType] = {}
    reference: ReferenceSpec = ReferenceSpec(learn="28d")
    windows: list[str] = msgspec.field(default_factory=lambda: list(DEFAULT_WINDOWS))
    false_alarms: FalseAlarms = FalseAlarms()
    monitors: list[Monitor] = msgspec.field(default_factory=lambda: list(DEFAULT_MONITORS))
    runbook_url: str | None = None


class NumericGrid(msgspec.Struct, frozen=True, tag_field="type", tag="numeric"):
    """Sorted cell edges of a numeric feature (or of the score, under the name `__score__`)."""

    edges: list[float]


class CategoricalGrid(msgspec.Struct, frozen=True, tag_field="type", tag="categorical"):
    """Known categories of a categorical feature, most frequent first."""

    vocabulary: list[str]


FeatureGrid = NumericGrid | CategoricalGrid
