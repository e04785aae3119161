"""Rolling final panes up into what a window holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.exact_sum import ExactSum
from stream.model.compiled import CompiledModel
from stream.monitor.incoming import Incoming
from stream.monitor.inputs_cells import InputsCells
from stream.monitor.panes import Panes
from stream.monitor.streams import Stream
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.outcome import OutcomePart
from stream.parts.part import AnyPart
from stream.parts.sample import SamplePart
from tidegauge.alerts import Window

COVERAGE = "coverage"
"""Name of the share of labelled predictions among the metrics."""


@dataclass(slots=True)
class InputsWindow:
    """Cell counts and scores of one window; `mixed`: some panes were counted by other grids, and are left out."""

    rows: int
    counts: NDArray[np.int64]
    score: ExactSum
    mixed: bool = False


@dataclass
class OutcomeWindow:
    """Outcomes of one window at one label age, and the predictions they are a part of."""

    rows: int
    part: OutcomePart
    mixed: bool = False

    @property
    def labelled(self) -> int:
        """Labelled predictions."""
        return self.part.labelled

    @property
    def coverage(self) -> float | None:
        """Share of the predictions whose label has come; None without predictions."""
        return min(1.0, self.labelled / self.rows) if self.rows else None

    @cached_property
    def values(self) -> dict[str, float]:
        """Every metric of the task by name, `coverage` among them; worked out once."""
        result = {} if self.part.outcomes is None else self.part.outcomes.result()
        return {**result, COVERAGE: float("nan") if self.coverage is None else self.coverage}


def inputs_window(
    panes: Panes, compiled: CompiledModel, stream: Stream, window: Window, extra: Iterable[AnyPart] = ()
) -> InputsWindow:
    """Return what a window's inputs hold; `extra` are late parts that a revision counts too."""
    name = compiled.inputs_part
    keys = list(panes.within(stream, name, window))
    fitting = [key for key in keys if fits(key, window, compiled.layouts[name])]
    rolled = InputsWindow(0, np.zeros(_cells(compiled), dtype=np.int64), ExactSum(), len(fitting) < len(keys))
    for key in fitting:
        if key.part == "inputs":
            _add(rolled, panes.cells(key))
        else:
            rolled.rows += panes.rows(key)
    for part in extra:
        if isinstance(part, InputsPart):
            _add(rolled, InputsCells.of(part))
        elif isinstance(part, SamplePart):
            rolled.rows += part.rows
    return rolled


def _add(rolled: InputsWindow, cells: InputsCells) -> None:
    rolled.rows += cells.rows
    rolled.counts += cells.counts
    rolled.score.merge(cells.score)


def outcome_window(
    panes: Panes,
    compiled: CompiledModel,
    stream: Stream,
    window: Window,
    age_ms: int,
    extra: Iterable[AnyPart] = (),
) -> OutcomeWindow:
    """Return the outcomes of a window's predictions whose labels were at most `age_ms` old."""
    keys = list(panes.within(stream, "outcome", window, age_ms))
    fitting = [key for key in keys if fits(key, window, compiled.layouts["outcome"])]
    rolled = empty_outcomes(compiled)
    for part in (*(panes[key] for key in fitting), *extra):
        if isinstance(part, OutcomePart):
            rolled.merge(part)
    return OutcomeWindow(_rows(panes, stream, window), rolled, len(fitting) < len(keys))


def fits(key: PartKey, window: Window, layout: str) -> bool:
    """Whether a pane lies wholly in a window and was counted by the window's own parameters."""
    return key.layout == layout and key.pane_start_ms >= window.start_ms and key.pane_end_ms <= window.end_ms


def empty_outcomes(compiled: CompiledModel) -> OutcomePart:
    """Return outcomes of no rows."""
    return OutcomePart(compiled.task, compiled.definition.threshold, len(compiled.definition.classes))


def evidence_ids(panes: Panes, stream: Stream, window: Window) -> list[str]:
    """Return ids of a few predictions of a window: those with the smallest hashes, in every worker the same.

    None where panes are wider than the window: a pane that ends after it may be final by now or not.
    """
    found: list[tuple[int, str]] = []
    for key in panes.within(stream, "inputs", window):
        part = panes[key]
        inside = key.pane_start_ms >= window.start_ms and key.pane_end_ms <= window.end_ms
        if inside and isinstance(part, InputsPart):
            found.extend(zip(part.evidence.hashes.tolist(), part.evidence.ids, strict=True))
    return [name for _, name in sorted(found)[:5]]


def _rows(panes: Panes, stream: Stream, window: Window) -> int:
    return sum(panes.rows(key) for name in ("inputs", "sample") for key in panes.within(stream, name, window))


def _cells(compiled: CompiledModel) -> int:
    return 0 if compiled.cell_layout is None else compiled.cell_layout.total


def late_rows(panes: Panes, incoming: Incoming, stream: Stream, window: Window) -> tuple[int, int]:
    """Return how many rows of a window came on time, and how many late."""
    late = 0
    for key in incoming.late_keys(stream, window):
        part = incoming.late_part(key) if key.part in {"inputs", "sample"} else None
        late += part.rows if isinstance(part, InputsPart | SamplePart) else 0
    return _rows(panes, stream, window), late
