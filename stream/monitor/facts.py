"""What is known at the instant of a transition, beyond the findings themselves: for its summary only."""

from collections.abc import Callable
from dataclasses import dataclass, field

from stream.monitor.drift_log import DriftEvidence
from stream.monitor.outcome_view import OutcomeView
from stream.monitor.windows import OutcomeWindow


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """Outcomes of the last blocks and the reference at the same label age."""

    recent: Callable[[], OutcomeWindow]
    blocks: int
    length: str
    age_ms: int
    view: OutcomeView | None


@dataclass(slots=True)
class Facts:
    """Facts of one alert.

    Attributes
    ----------
    outcome
        Of alerts on performance, calibration or coverage.
    drift
        Drift that overlaps in time; None where nobody looks for it.
    segments, known_segments
        Segments in which the same holds, and all segments the reference knows.
    foreign_version
        The reference was made by another version, as far as anyone can tell.
    """

    timezone: str = "UTC"
    positive: str = "positive"
    runbook_url: str | None = None
    outcome: OutcomeFacts | None = None
    drift: DriftEvidence | None = None
    quiet: int = 0
    segments: list[str] = field(default_factory=list)
    known_segments: list[str] = field(default_factory=list)
