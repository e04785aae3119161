"""A number that was always the same in the reference, and is missing now."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.exact_sum import ExactSum
from stream.model.compiled import CompiledModel
from stream.monitor.config import MonitorConfig
from stream.monitor.drift import Measure
from stream.monitor.drift_judge import DriftJudge
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import ScopeMemory
from stream.monitor.windows import InputsWindow
from stream.parts.accumulate import flat_cells
from stream.parts.assemble import RawRows, assemble
from stream.reference.build import build_reference
from stream.reference.table import ReferenceTable
from stream.timeline.durations import MS_PER_UNIT
from stream.timeline.windows import WindowScheme
from tidegauge.definition import Definition, DriftMonitor, ReferenceSpec

HOUR_MS = MS_PER_UNIT["h"]
START_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC
ROWS = 300
HOURS = 7 * 24


def hour(missing: int, rows: int = ROWS) -> NDArray[np.float64]:
    return np.concatenate((np.full(rows - missing, 1.0), np.full(missing, np.nan)))


def judge_of(missing: Sequence[int]) -> tuple[CompiledModel, DriftJudge]:
    """Return the judge of hourly windows, with a reference of hours of so many missing values each."""
    definition = Definition(
        model="m",
        task="score",
        features={"x": "numeric"},
        reference=ReferenceSpec(file="healthy.parquet"),
        windows=["1h"],
        monitors=[DriftMonitor()],
    )
    rows = ROWS * len(missing)
    first_ms = START_MS - HOUR_MS * len(missing)
    table = ReferenceTable(
        source="s",
        timestamps_ms=first_ms + np.arange(rows, dtype=np.int64) * HOUR_MS // ROWS,
        ids=[str(number) for number in range(rows)],
        predictions=[0.5] * rows,
        features={"x": np.concatenate([hour(count) for count in missing])},
    )
    built = build_reference(definition, table, held_out=True)
    compiled = built.compiled()
    judge = ModelJudges(compiled, built.reference, MonitorConfig()).drift("", WindowScheme("1h"))
    assert judge is not None
    return compiled, judge


def window_of(compiled: CompiledModel, missing: int) -> InputsWindow:
    rows = RawRows(
        ids=["a"] * ROWS,
        timestamps_ms=np.full(ROWS, START_MS),
        predictions=np.full(ROWS, 0.5),
        features={"x": hour(missing)},
    )
    cells, layout = flat_cells(assemble(compiled, "", rows)).ravel(), compiled.cell_layout
    assert layout is not None
    return InputsWindow(ROWS, np.bincount(cells, minlength=layout.total), ExactSum())


@pytest.mark.parametrize(("missing", "alert"), [(ROWS, True), (ROWS // 10, True), (1, False), (0, False)])
def test_an_alert_says_that_it_vanished(missing: int, *, alert: bool) -> None:
    compiled, judge = judge_of([0] * HOURS)
    memory = ScopeMemory()
    window = WindowScheme("1h").window(START_MS + HOUR_MS)
    verdict = judge.judge(memory, window_of(compiled, missing), window, block=True, whole=True)
    found = [f.finding for f in verdict.firing.get("features", [])]
    assert [(f.subject, f.detector) for f in found] == [("x", "window")] * alert
    assert all(f.value > f.threshold for f in found)


@pytest.mark.parametrize(("missing", "healthy"), [(30, True), (40, False), (ROWS, False)])
def test_what_healthy_hours_did_is_no_proof(missing: int, *, healthy: bool) -> None:
    compiled, judge = judge_of([35 if number % 40 == 7 else 0 for number in range(HOURS)])
    measure = judge.measure(window_of(compiled, missing), START_MS + HOUR_MS)["x"]
    assert isinstance(measure, Measure)
    assert measure.test.p_value < 1e-6
    assert (measure.p_value == 1) == (measure.test.divergence < measure.critical) == healthy
