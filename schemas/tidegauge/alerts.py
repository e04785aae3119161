"""What comes out when a change matters: one message per transition of an alert."""

from typing import Literal, get_args

import msgspec

Severity = Literal["info", "warning", "error", "critical"]
Status = Literal["firing", "resolved"]
AlertKind = Literal[
    "features", "score", "performance", "calibration", "coverage", "latency", "errors", "traffic", "schema",
    "tidegauge.state",
]  # fmt: skip
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
KINDS: tuple[AlertKind, ...] = get_args(AlertKind)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open interval of event time [start_ms, end_ms) and the name of its length ("1d")."""

    length: str
    start_ms: int
    end_ms: int


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that moved: a feature, the score or a metric, with what decided and its largest contributions.

    `detector` is "cusum" or "window"; `value` and `threshold` are the detector's; `effects` names the effect sizes
    (`psi`, `wasserstein`, ...); `bins` are the cells or categories that contribute most, as (label, reference share,
    current share).
    """

    subject: str
    detector: str = ""
    value: float = 0.0
    threshold: float = 0.0
    since_ms: int | None = None
    effects: dict[str, float] = {}
    bins: list[tuple[str, float, float]] = []


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transition of one alert. Consumers deduplicate on (alert_id, seq) and ignore a lower seq.

    `worst` is the highest severity that the alert has had, where that is higher than `severity`: by it a pager for
    "error" is told how such an alert ends, whatever it remembers. `traceparent` is not given yet: an alert is about
    many predictions.
    """

    alert_id: str
    seq: int
    status: Status
    severity: Severity
    kind: AlertKind
    model: str
    version: str = ""
    segment: str = ""
    reason: str = ""
    summary: str = ""
    started_ms: int = 0
    decided_at_ms: int = 0
    window: Window | None = None
    detector: str = ""
    subject: str = ""
    value: float | None = None
    threshold: float | None = None
    n: int = 0
    label_coverage: float | None = None
    reference: str = ""
    findings: list[Finding] = []
    evidence: list[Finding] = []
    quiet: int = 0
    context: list[str] = []
    sample_prediction_ids: list[str] = []
    runbook_url: str | None = None
    traceparent: str | None = None
    worst: Severity | None = None
