"""The compiled model: everything the stream needs to know about one revision of one model, worked out once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.cell_finder import CellFinder
from detectors.cell_layout import CellLayout
from detectors.grid import Grid
from detectors.vocabulary import Vocabulary
from stream.timeline.panes import PaneScheme
from stream.timeline.windows import Season, WindowScheme
from tidegauge.definition import Definition, Task

SCORE = "__score__"
"""Name of the score (or predicted class) among the subjects; no feature may have it."""

ALWAYS_MS = -(1 << 62)
"""`effective_from_ms` of a model's first revision: minus infinity that still fits an int64 with room to add to."""

BEYOND_HORIZON = -1
"""What `rungs_of` gives for a label that came after the horizon."""

PartName = Literal["inputs", "sample", "service", "outcome"]


@dataclass(frozen=True)
class PaneSchemes:
    """The panes that each part is kept by."""

    inputs: PaneScheme
    service: PaneScheme
    outcome: PaneScheme


@dataclass(frozen=True, kw_only=True, eq=False)
class CompiledModel:
    """One revision of one model; made by `compile_model`.

    Parameters
    ----------
    definition
        As written; its name is the model's.
    revision
        16 hex digits: hash of the definition and its grids.
    effective_from_ms
        Event time from which it holds; `ALWAYS_MS` for the first.
    learning
        Types or grids are not known yet: the part "sample" is kept instead of "inputs".
    numeric, categorical
        Feature names, sorted; empty while learning.
    grids
        Grid or vocabulary of every feature and of `SCORE`.
    cell_layout
        Cells of `subjects`, in that order; None while learning.
    segments
        Names of the segmenting attributes.
    panes
        Panes of live profiles: each a part of every window, at every hop, that reads the part.
    reference_panes
        Panes of a reference: each a part of every disjoint block that reads the part, so wider.
    windows
        For each part, the windows that read it (for "service" also those of burn rates).
    layouts
        For each part 16 hex digits: hash of the parameters that its body depends on, and of nothing else.
    label_horizon_ms
        Labels older than this never count.
    rungs_ms
        Label ages at which outcomes are judged, rising; the last is the horizon.
    lateness_ms
        How late this model's services deliver; None for the worker's setting.
    slo_ms
        Latency above which a request counts as slow; None when nothing watches latency.
    """

    definition: Definition
    revision: str
    effective_from_ms: int
    learning: bool
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    grids: Mapping[str, Grid | Vocabulary]
    cell_layout: CellLayout | None
    segments: tuple[str, ...]
    panes: PaneSchemes
    reference_panes: PaneSchemes
    windows: Mapping[PartName, tuple[WindowScheme, ...]]
    layouts: Mapping[PartName, str]
    label_horizon_ms: int
    rungs_ms: tuple[int, ...]
    lateness_ms: int | None
    slo_ms: int | None

    def __post_init__(self) -> None:
        """Make the mappings read-only: a compiled model is shared between threads."""
        for name in ("grids", "windows", "layouts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def model(self) -> str:
        """The model's name."""
        return self.definition.model

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return self.definition.task

    @property
    def season(self) -> Season | None:
        """After what time healthy traffic comes again, as the reference declares it."""
        declared: Season | None = self.definition.reference.season  # type: ignore[assignment]  # checked on compile
        return declared

    @property
    def subjects(self) -> tuple[str, ...]:
        """What has cells, in the order of `cell_layout`: numeric features, categorical ones, then the score."""
        return () if self.learning else (*self.numeric, *self.categorical, SCORE)

    @cached_property
    def finder(self) -> CellFinder:
        """Finds the flat cells of the numeric features; of none while learning."""
        grids = [grid for name in self.numeric if isinstance(grid := self.grids[name], Grid)]
        offsets = [] if self.cell_layout is None else self.cell_layout.offsets[: len(grids)].tolist()
        return CellFinder(grids, offsets)

    @cached_property
    def vocabularies(self) -> tuple[Vocabulary, ...]:
        """Vocabularies of the categorical features, in their order."""
        found = (self.grids[name] for name in self.categorical)
        return tuple(vocabulary for vocabulary in found if isinstance(vocabulary, Vocabulary))

    @property
    def inputs_part(self) -> PartName:
        """Name of the part that features and scores go to: "sample" while learning, else "inputs"."""
        return "sample" if self.learning else "inputs"

    @property
    def inputs_panes(self) -> PaneScheme:
        """Panes of the inputs (or sample) part."""
        return self.panes.inputs

    @property
    def service_panes(self) -> PaneScheme:
        """Panes of the service part."""
        return self.panes.service

    @property
    def outcome_panes(self) -> PaneScheme:
        """Panes of the outcome part, by the prediction's time."""
        return self.panes.outcome

    def rungs_of(self, ages_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each label age the rung it is first seen at: above the rung before, up to and including its own.

        A negative age (a label within the clocks' skew before its prediction) belongs to the first rung; one beyond
        the horizon gives `BEYOND_HORIZON`.
        """
        rungs = np.array((*self.rungs_ms, BEYOND_HORIZON), dtype=np.int64)
        result: NDArray[np.int64] = rungs[np.searchsorted(rungs[:-1], ages_ms, side="left")]
        return result

    def next_boundary(self, timestamp_ms: int) -> int:
        """Return the first instant at or after `timestamp_ms` at which panes of every part begin.

        A change of definition takes effect there, so that no pane holds rows of two revisions. At most a few hundred
        steps: days and shorter panes meet at local midnight at the latest.
        """
        schemes = (self.panes.inputs, self.panes.service, self.panes.outcome)
        instant = timestamp_ms
        while True:
            latest = max(s.start(instant) if s.start(instant) == instant else s.end(instant) for s in schemes)
            if latest == instant:
                return instant
            instant = latest
