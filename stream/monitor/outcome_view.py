"""What a reference says about the outcomes of one segment over windows of one length, at every label age."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.blocks import BlockReference
from stream.monitor.reference_index import ReferenceIndex
from stream.monitor.windows import COVERAGE
from stream.parts.outcome import OutcomePart
from stream.timeline.windows import Season, WindowScheme

MATURE = 0.95
"""Share of its final coverage that the reference had at the first label age worth judging."""


@dataclass(frozen=True)
class MetricView:
    """One metric's healthy blocks: their spread, and for people their range."""

    blocks: BlockReference
    low: float
    high: float


@dataclass
class OutcomeView:
    """Reference of the outcomes of one segment for windows of one length.

    Attributes
    ----------
    metrics
        By label age, then by metric; `coverage` is one of them.
    judged_ms
        First label age at which the reference had 95 % of its final coverage.
    """

    scheme: WindowScheme
    season: Season | None
    metrics: dict[int, dict[str, MetricView]] = field(default_factory=dict)
    judged_ms: int = 0

    @property
    def seasonal(self) -> bool:
        """Whether blocks have phases."""
        return self.scheme.phases(self.season) > 1

    def phase(self, end_ms: int) -> int | None:
        """Return the phase of a window, None without a season."""
        return self.scheme.phase(end_ms, self.season) if self.seasonal else None

    @property
    def calibrated(self) -> bool:
        """Whether there are blocks enough to page on."""
        return any(view.blocks.calibrated for rung in self.metrics.values() for view in rung.values())


def outcome_view(index: ReferenceIndex, scheme: WindowScheme, segment: str, labelled_min: int) -> OutcomeView | None:
    """Return the reference of a segment's outcomes; None when it holds none, or was trained on.

    Blocks with fewer than `labelled_min` labels count for coverage only.
    """
    if not index.has_outcomes:
        return None
    blocks = index.blocks(scheme)
    rungs = index.outcomes(segment, blocks)
    rows = index.rows(segment, blocks)
    season = index.compiled.season
    view = OutcomeView(scheme, season)
    phases = np.array([scheme.phase(b.end_ms, season) for b in blocks], dtype=np.int64) if view.seasonal else None
    for age_ms, parts in zip(index.compiled.rungs_ms, rungs, strict=True):
        view.metrics[age_ms] = _metrics(parts, rows, phases, labelled_min)
    view.judged_ms = _judged(index.compiled.rungs_ms, rungs)
    return view


def _judged(rungs_ms: tuple[int, ...], rungs: Sequence[Sequence[OutcomePart]]) -> int:
    labelled = [sum(part.labelled for part in parts) for parts in rungs]
    return next(age for age, count in zip(rungs_ms, labelled, strict=True) if count >= MATURE * labelled[-1])


def _metrics(
    parts: Sequence[OutcomePart], rows: NDArray[np.int64], phases: NDArray[np.int64] | None, labelled_min: int
) -> dict[str, MetricView]:
    values: dict[str, list[float]] = {
        COVERAGE: [min(1.0, part.labelled / int(n)) if n else float("nan") for part, n in zip(parts, rows, strict=True)]
    }
    for position, part in enumerate(parts):
        usable = part.outcomes is not None and part.labelled >= labelled_min
        result = part.outcomes.result() if usable and part.outcomes is not None else {}
        for name, value in result.items():
            values.setdefault(name, [float("nan")] * len(parts))[position] = value
    return {name: _view(np.array(series), phases) for name, series in values.items()}


def _view(series: NDArray[np.float64], phases: NDArray[np.int64] | None) -> MetricView:
    known = series[np.isfinite(series)]
    low, high = (float(known.min()), float(known.max())) if known.size else (float("nan"), float("nan"))
    return MetricView(BlockReference(series, phases=phases), low, high)
