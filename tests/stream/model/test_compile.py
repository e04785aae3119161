import math

import msgspec
import numpy as np
import pytest

from stream.model.compile import compile_model
from stream.model.compiled import BEYOND_HORIZON, SCORE
from stream.model.problems import DefinitionError
from stream.timeline.panes import EpochPanes, LocalDayPanes
from tidegauge.definition import (
    CalibrationMonitor,
    CategoricalGrid,
    CoverageMonitor,
    Definition,
    DriftMonitor,
    ErrorsMonitor,
    LatencyMonitor,
    NumericGrid,
    PerformanceMonitor,
    ReferenceSpec,
    TrafficMonitor,
)

NEW_YORK = "America/New_York"
HOUR_MS = 3_600_000
PLANNER = Definition(
    model="planner",
    task="binary",
    positive="late",
    timezone=NEW_YORK,
    segments=["origin"],
    features={"temp": "numeric", "carrier": "categorical"},
    monitors=[DriftMonitor(), PerformanceMonitor(), LatencyMonitor(slo="50ms", windows=["1d"]), TrafficMonitor()],
)
GRIDS = {"temp": NumericGrid([0.0, 10.0]), "carrier": CategoricalGrid(["AA", "UA"]), SCORE: NumericGrid([0.25, 0.5])}


def change(definition: Definition, **changes: object) -> Definition:
    return msgspec.structs.replace(definition, **changes)


def problems_of(definition: Definition, grids: dict | None = None) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        compile_model(definition, grids)
    return {problem.key: problem.message for problem in caught.value.problems}


def test_a_definition_with_grids_is_ready() -> None:
    compiled = compile_model(PLANNER, GRIDS)
    assert not compiled.learning
    assert compiled.subjects == ("temp", "carrier", SCORE)
    assert compiled.cell_layout is not None
    assert compiled.cell_layout.sizes == (5, 4, 5)
    assert compiled.slo_ms == 50
    assert compiled.lateness_ms is None
    assert compiled.inputs_panes == compiled.outcome_panes == LocalDayPanes(NEW_YORK)
    assert compiled.service_panes == EpochPanes(HOUR_MS), "they tell when in a day a version came"


@pytest.mark.parametrize("missing", ["temp", "carrier", SCORE])
def test_without_a_grid_the_model_is_learning(missing: str) -> None:
    compiled = compile_model(PLANNER, {name: grid for name, grid in GRIDS.items() if name != missing})
    assert compiled.learning
    assert compiled.subjects == compiled.numeric == compiled.categorical == ()
    assert compiled.cell_layout is None
    assert compiled.inputs_part == "sample"


def test_a_bare_name_is_learning_with_every_default() -> None:
    compiled = compile_model(Definition(model="anything"))
    assert compiled.learning
    assert compiled.slo_ms == 500
    assert compiled.label_horizon_ms == 48 * HOUR_MS


def test_grids_name_the_features_of_a_definition_that_does_not() -> None:
    compiled = compile_model(change(PLANNER, features={}), GRIDS)
    assert (compiled.numeric, compiled.categorical, compiled.learning) == (("temp",), ("carrier",), False)


def test_classes_are_the_grid_of_a_multiclass_score() -> None:
    definition = Definition(model="m", task="multiclass", classes=["a", "b"], features={"x": "numeric"})
    compiled = compile_model(definition, {"x": NumericGrid([0.0])})
    assert not compiled.learning
    assert compiled.grids[SCORE].size == 4
    assert compile_model(change(definition, features={})).learning


def test_rungs_end_with_the_horizon_and_take_ages_up_to_their_own() -> None:
    compiled = compile_model(change(PLANNER, label_ages=["6h", "1h", "3d"], label_horizon="1d"), GRIDS)
    assert compiled.rungs_ms == (HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS)
    ages = np.array([-5_000, 0, HOUR_MS, HOUR_MS + 1, 24 * HOUR_MS, 24 * HOUR_MS + 1])
    rungs = [HOUR_MS, HOUR_MS, HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, BEYOND_HORIZON]
    assert compiled.rungs_of(ages).tolist() == rungs


def test_burn_rates_make_service_panes_short_but_not_those_of_the_reference() -> None:
    compiled = compile_model(change(PLANNER, monitors=[ErrorsMonitor(), TrafficMonitor()]), GRIDS)
    assert compiled.service_panes == EpochPanes(50_000)
    assert compiled.reference_panes.service == LocalDayPanes(NEW_YORK)
    assert [w.name for w in compiled.windows["service"]] == ["1d", "7d", "1h", "5m", "6h", "30m"]


def test_panes_are_a_part_of_every_window_that_reads_them() -> None:
    monitors = [DriftMonitor(windows=["1h"]), CalibrationMonitor(windows=["40m"]), CoverageMonitor(windows=["1d"])]
    compiled = compile_model(change(PLANNER, monitors=monitors, timezone="Asia/Kathmandu"), GRIDS)
    # Hops of 600 and 400 s and days that begin at 18:15 UTC.
    assert compiled.inputs_panes == EpochPanes(100_000)
    assert compiled.outcome_panes == EpochPanes(100_000)
    for window in compiled.windows["inputs"]:
        for close in window.closes(0, 30 * HOUR_MS):
            assert compiled.inputs_panes.start(close.end_ms) == close.end_ms
            assert compiled.inputs_panes.start(close.start_ms) == close.start_ms


def test_reference_panes_are_those_of_disjoint_blocks() -> None:
    compiled = compile_model(change(PLANNER, monitors=[DriftMonitor(windows=["1h"])]), GRIDS)
    assert compiled.inputs_panes == EpochPanes(600_000)
    assert compiled.reference_panes.inputs == EpochPanes(HOUR_MS)


def test_a_change_takes_effect_where_panes_of_all_parts_begin() -> None:
    monitors = [DriftMonitor(windows=["1h"]), PerformanceMonitor(windows=["1d"]), ErrorsMonitor()]
    compiled = compile_model(change(PLANNER, monitors=monitors), GRIDS)
    boundary = compiled.next_boundary(1_000_000_000_000)
    assert boundary >= 1_000_000_000_000
    for scheme in (compiled.inputs_panes, compiled.service_panes, compiled.outcome_panes):
        assert scheme.start(boundary) == boundary
    assert compiled.next_boundary(boundary) == boundary


@pytest.mark.parametrize(
    ("timezone", "monitors"),
    [
        ("Asia/Kolkata", [DriftMonitor(), TrafficMonitor(windows=["6h"])]),
        ("Asia/Kolkata", [DriftMonitor(windows=["6h"])]),
        ("Asia/Kolkata", [DriftMonitor(), LatencyMonitor(windows=["4h"]), ErrorsMonitor(windows=["4h"])]),
        (NEW_YORK, [DriftMonitor(), TrafficMonitor(windows=["12h"])]),
    ],
)
def test_panes_of_all_parts_meet_at_every_midnight(timezone: str, monitors: list) -> None:
    compiled = compile_model(change(PLANNER, timezone=timezone, monitors=monitors), GRIDS)
    days = LocalDayPanes(timezone)
    midnights = [days.start(1_700_000_000_000 + week * 7 * 24 * HOUR_MS) for week in range(52)]
    schemes = (compiled.inputs_panes, compiled.service_panes, compiled.outcome_panes)
    assert [at for at in midnights if any(scheme.start(at) != at for scheme in schemes)] == []
    assert [compiled.next_boundary(at) for at in midnights] == midnights


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"threshold": 0.4}, "outcome"),
        ({"label_ages": ["2h"]}, "outcome"),
        ({"positive": "early"}, "outcome"),
        ({"monitors": [LatencyMonitor(slo="70ms")]}, "service"),
    ],
)
def test_a_layout_changes_with_its_own_parameters_only(changes: dict, part: str) -> None:
    before, after = compile_model(PLANNER, GRIDS), compile_model(change(PLANNER, **changes), GRIDS)
    assert {p for p in before.layouts if before.layouts[p] != after.layouts[p]} == {part}
    assert before.revision != after.revision


def test_other_edges_are_another_layout_and_other_windows_are_not() -> None:
    before = compile_model(PLANNER, GRIDS)
    edges = compile_model(PLANNER, {**GRIDS, "temp": NumericGrid([0.0, 11.0])})
    assert before.layouts["inputs"] != edges.layouts["inputs"]
    assert before.layouts == compile_model(change(PLANNER, windows=["1d"]), GRIDS).layouts


def test_hashes_do_not_depend_on_the_order_of_keys() -> None:
    turned = change(PLANNER, features=dict(reversed(PLANNER.features.items())))
    before, after = compile_model(PLANNER, GRIDS), compile_model(turned, dict(reversed(GRIDS.items())))
    assert (before.revision, before.layouts) == (after.revision, after.layouts)


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"model": ""}, "model", "1 to 255"),
        ({"timezone": "America/NewYork"}, "timezone", "did you mean `America/New_York`"),
        ({"label_horizon": "soon"}, "label_horizon", "such as 10s or 2d"),
        ({"label_ages": ["1h", "0s"]}, "label_ages[1]", "above zero"),
        ({"windows": ["1d", "7h"]}, "windows[1]", "divide a day"),
        ({"windows": []}, "windows", "at least one"),
        ({"segments": ["a=b"]}, "segments[0]", "without '='"),
        ({"segments": ["a", "a"]}, "segments", "listed twice: a"),
        ({"features": {SCORE: "numeric"}}, f"features.{SCORE}", "score's own"),
        ({"features": {f"f{i}": "numeric" for i in range(513)}}, "features", "at most 512"),
        ({"classes": ["a", "b"]}, "classes", "only a multiclass"),
        ({"task": "score"}, "positive", "only a binary"),
        ({"task": "multiclass", "positive": None}, "classes", "at least 2"),
        ({"threshold": 1.5}, "threshold", "between 0 and 1"),
        ({"reference": ReferenceSpec()}, "reference", "found none"),
        ({"reference": ReferenceSpec(learn="1d", file="x")}, "reference", "found file and learn"),
        ({"reference": ReferenceSpec(learn="1d", season="2w")}, "reference.season", "1d, 1w"),
        ({"monitors": [DriftMonitor(features=["tmp"])]}, "monitors[0].drift.features[0]", "did you mean `temp`"),
        ({"monitors": [PerformanceMonitor(age="2h")]}, "monitors[0].performance.age", "1h, 6h, 1d, 2d"),
        ({"monitors": [PerformanceMonitor(metric="logloss")]}, "monitors[0].performance.metric", "'log_loss'"),
        ({"monitors": [PerformanceMonitor(drop=0.0)]}, "monitors[0].performance.drop", "above 0"),
        ({"monitors": [PerformanceMonitor(drop=math.inf)]}, "monitors[0].performance.drop", "above 0"),
        ({"monitors": [DriftMonitor(min_effect=math.inf)]}, "monitors[0].drift.min_effect", "0 or more"),
        ({"monitors": [CalibrationMonitor(min_effect=math.nan)]}, "monitors[0].calibration.min_effect", "0 or more"),
        ({"monitors": [CoverageMonitor(min_effect=-0.1)]}, "monitors[0].coverage.min_effect", "0 or more"),
        ({"monitors": [PerformanceMonitor(windows=["7h"])]}, "monitors[0].performance.windows[0]", "divide a day"),
        ({"monitors": [LatencyMonitor(budget="200%")]}, "monitors[0].latency.budget", "share"),
        ({"monitors": [LatencyMonitor(slo="0s")]}, "monitors[0].latency.slo", "above zero"),
        ({"monitors": [LatencyMonitor(slo="1s"), LatencyMonitor(slo="2s")]}, "monitors", "expected one"),
        ({"windows": ["25s", "1m"]}, "windows", "share only panes of 2500ms"),
    ],
)
def test_each_problem_names_its_key_and_what_was_expected(changes: dict, key: str, message: str) -> None:
    assert message in problems_of(change(PLANNER, **changes))[key]


def test_all_problems_are_told_at_once() -> None:
    assert set(problems_of(change(PLANNER, timezone="Nowhere", threshold=2.0, lateness="x"))) == {
        "timezone",
        "threshold",
        "lateness",
    }


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"temp": NumericGrid([1.0, 1.0])}, "strictly rising"),
        ({"temp": NumericGrid([])}, "at least one edge"),
        ({"temp": CategoricalGrid(["a"])}, "categorical, but temp is numeric"),
        ({"carrier": CategoricalGrid(["a", "a"])}, "listed twice"),
    ],
)
def test_grids_are_checked_too(grid: dict, message: str) -> None:
    assert message in problems_of(PLANNER, grid)[f"grids.{next(iter(grid))}"]


def test_a_compiled_model_cannot_be_changed() -> None:
    compiled = compile_model(PLANNER, GRIDS)
    with pytest.raises(TypeError):
        compiled.layouts["inputs"] = ""  # type: ignore[index]  # that it cannot be assigned is the point
