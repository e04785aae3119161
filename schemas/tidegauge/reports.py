"""Every evaluation, whether or not anything is wrong: the numbers behind the alerts."""

from typing import Literal

import msgspec

from tidegauge.alerts import Window

State = Literal["ok", "firing", "learning", "uncalibrated", "insufficient", "provisional"]


class DriftResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subject (a feature or the score) of one window against the reference.

    `statistic` is the contingency chi-square divided by nm/(n+m) (so that windows of any n compare), `critical` what it
    must exceed (the larger of the iid critical value and the prediction bound of the reference's own blocks); `effects`
    are named effect sizes; `z` the block-standardised shift and `cusum` the larger of the two one-sided sums after this
    block, `cusum_limit` its limit. A window with too few rows (`insufficient`) is not tested: it has effect sizes, and
    `statistic`, `critical`, `p_value` and `z` are None, unless an episode goes on.
    """

    subject: str
    state: State
    n: int = 0
    statistic: float | None = None
    critical: float | None = None
    p_value: float | None = None
    z: float | None = None
    cusum: float | None = None
    cusum_limit: float | None = None
    effects: dict[str, float] = {}
    missing_ratio: float = 0.0
    unseen_ratio: float = 0.0


class MetricResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of one window, its band from the reference's blocks, and the constant predictor on the same rows."""

    metric: str
    state: State
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    z: float | None = None
    cusum: float | None = None
    cusum_limit: float | None = None
    constant: float | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One evaluation of one (model, version, segment) over one window.

    `part` says of what: "inputs", "service" or "outcome" (then at label age `age_ms`). `revision` counts later
    revisions by late rows; `complete` is false when a watermark moved by silence alone.
    """

    model: str
    version: str = ""
    segment: str = ""
    part: Literal["inputs", "service", "outcome"]
    window: Window
    age_ms: int = 0
    revision: int = 0
    complete: bool = True
    n: int = 0
    n_late: int = 0
    reference: str = ""
    state: State = "ok"
    drift: list[DriftResult] = []
    metrics: list[MetricResult] = []
    labelled: int = 0
    coverage: float | None = None
    latency_ms: dict[str, float] = {}
    over_slo_ratio: float | None = None
    error_ratio: float | None = None
    n_expected: float | None = None
    n_lower: float | None = None
    n_upper: float | None = None
    notes: list[str] = []
