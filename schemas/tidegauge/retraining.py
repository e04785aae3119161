"""What asks for a new model: one message per alert episode that shows matured harm."""

import msgspec

from tidegauge.alerts import Severity, Window


class RetrainingRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Request to retrain one model, at most once per alert episode.

    Consumers deduplicate on `request_id`. `window` is the one that decided; data up to `decided_at_ms` has matured
    labels. `reason` repeats the alert's summary, `subjects` name the features that drifted in the same time.
    `traceparent` is the alert's, and not given yet.
    """

    request_id: str
    model: str
    alert_id: str
    decided_at_ms: int
    version: str = ""
    segment: str = ""
    severity: Severity = "error"
    reason: str = ""
    window: Window | None = None
    subjects: list[str] = []
    reference: str = ""
    traceparent: str | None = None
