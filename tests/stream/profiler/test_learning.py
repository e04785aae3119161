"""A shard that is early: it waits for grids that are learnt, or goes over to them at its next untouched pane."""

import json
from collections.abc import Iterable

import pytest

from stream.checkpoint.values import Loaded
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, SCORE
from stream.profiler.config import ShardConfig
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from stream.profiler.state import part_field
from stream.timeline.durations import DAY_MS, MS_PER_UNIT
from tidegauge.definition import Definition, FeatureGrid, NumericGrid

DAY_0 = 1_704_067_200_000
HOUR_MS = MS_PER_UNIT["h"]
CONFIG = ShardConfig(idle_ms=None)
GRIDS: dict[str, FeatureGrid] = {"x": NumericGrid([0.0, 1.0]), SCORE: NumericGrid([0.0, 0.5, 1.0])}
HOURS = range(96)


def rows(hours: Iterable[int], model: str = "m") -> list[bytes]:
    """One row every half hour."""
    return [
        json.dumps(
            {
                "prediction_id": f"{model}-{hour}-{half}",
                "model": model,
                "timestamp_ms": DAY_0 + hour * HOUR_MS + half * HOUR_MS // 2,
                "features": {"x": 0.5},
                "prediction": 0.5,
            }
        ).encode()
        for hour in hours
        for half in (0, 1)
    ]


def batch(values: list[bytes], first: int = 0) -> RawBatch:
    return RawBatch(0, list(range(first, first + len(values))), [-1] * len(values), list(values))


def learnt(effective_from_ms: int, before: Catalog | None = None) -> Catalog:
    """What is in the log once the monitor has written its answer."""
    first, last = compile_model(Definition(model="m")), compile_model(Definition(model="m"), GRIDS, effective_from_ms)
    return (before or Catalog()).with_revision(first).with_revision(last)


def panes(core: ShardCore, part: str) -> list[float]:
    """Days on which a part's panes begin."""
    keys = {key for key in core.store if key.part == part and key.model == "m"}
    return sorted({(key.pane_start_ms - DAY_0) / DAY_MS for key in keys})


def state(core: ShardCore) -> dict[bytes, bytes]:
    parts = {part_field(key): core.store.snapshot(key) for key in core.store}
    return {**core.take_fields(), **parts}


def reloaded(core: ShardCore, fields: dict[bytes, bytes], catalog: Catalog) -> ShardCore:
    again = ShardCore(0, catalog, CONFIG)
    again.load(Loaded(epoch=1, seq=1, fields=fields, buckets={}, offsets=dict(core.offsets), unpublished={}))
    return again


@pytest.mark.parametrize("size", [1, 7, 60, 200])
def test_a_shard_stops_at_the_pane_that_should_have_grids(size: int) -> None:
    values = rows(HOURS)
    core = ShardCore(0, Catalog(), CONFIG)
    for first in range(0, len(values), size):
        if not core.awaited:
            core.predictions(batch(values[first : first + size], first))
    assert core.awaited == "m"
    assert core.offsets == {"predictions": 96}, "two days of two rows an hour"
    assert core.progress.predictions_ms == DAY_0 + 2 * DAY_MS - CONFIG.lateness_ms
    assert core.counts["predictions"].accepted == 96
    core.set_catalog(learnt(DAY_0 + 2 * DAY_MS))
    core.predictions(batch(values))
    assert not core.awaited
    assert (panes(core, "sample"), panes(core, "inputs")) == ([0, 1], [2, 3])
    assert all(core.store[key].rows == 48 for key in core.store if key.part in {"sample", "inputs"})
    assert (core.counts["predictions"].accepted, core.counts["predictions"].late) == (192, 0)


def test_the_watermark_passes_a_gap_before_the_wait() -> None:
    core = ShardCore(0, Catalog(), CONFIG)
    core.predictions(batch(rows([*range(14), *range(70, 80)])))
    assert core.awaited == "m"
    assert core.progress.predictions_ms == DAY_0 + 2 * DAY_MS - CONFIG.lateness_ms, (
        "the sample's end, or nobody answers"
    )


def test_a_model_with_a_handful_of_rows_is_not_waited_for() -> None:
    core = ShardCore(0, Catalog(), CONFIG)
    stray = json.dumps({**json.loads(rows([0])[0]), "timestamp_ms": 5}).encode()
    core.predictions(batch([stray, *rows(range(200, 230))]))
    assert not core.awaited


def test_a_shard_that_gave_up_goes_over_at_its_next_untouched_pane() -> None:
    values = rows(HOURS)
    core = ShardCore(0, Catalog(), CONFIG)
    core.impatient = frozenset({"m"})
    core.predictions(batch(values[:110]))
    core.set_catalog(learnt(DAY_0 + 2 * DAY_MS))
    core.predictions(batch(values))
    assert (panes(core, "sample"), panes(core, "inputs")) == ([0, 1, 2], [3])
    assert [switch.instant_ms for switch in core.switches.known("m")] == [ALWAYS_MS, DAY_0 + 3 * DAY_MS]


def test_the_decision_is_part_of_the_state() -> None:
    values, catalog = rows(HOURS), learnt(DAY_0 + 2 * DAY_MS)
    core = ShardCore(0, Catalog(), CONFIG)
    core.impatient = frozenset({"m"})
    core.predictions(batch(values[:110]))
    core.set_catalog(catalog)
    core.predictions(batch(values[:150]))
    again = reloaded(core, state(core), catalog)
    assert again.switches.known("m") == core.switches.known("m")
    for owner in (core, again):
        owner.predictions(batch(values))
    assert {key: core.store.snapshot(key) for key in core.store} == {
        key: again.store.snapshot(key) for key in again.store
    }


def test_a_shard_that_knew_in_time_goes_over_on_time_whoever_owns_it() -> None:
    values, catalog = rows(HOURS), learnt(DAY_0 + 2 * DAY_MS)
    core = ShardCore(0, Catalog(), CONFIG)
    core.predictions(batch(values[:90]))
    core.set_catalog(catalog)
    core.predictions(batch(values[:150]))
    again = reloaded(core, state(core), catalog)
    again.predictions(batch(values))
    assert (panes(again, "sample"), panes(again, "inputs")) == ([0, 1], [2, 3])


def test_a_first_owner_that_finds_the_revision_is_not_late() -> None:
    core = ShardCore(0, learnt(DAY_0 + 2 * DAY_MS), CONFIG)
    core.predictions(batch(rows(HOURS)))
    assert (panes(core, "sample"), panes(core, "inputs")) == ([0, 1], [2, 3])


def test_rules_alone_hold_at_once() -> None:
    core = ShardCore(0, learnt(DAY_0), CONFIG)
    core.predictions(batch(rows(range(30))))
    quieter = Definition(model="m", runbook_url="https://runbooks.example/m")
    core.set_catalog(core.catalog.with_revision(compile_model(quieter, GRIDS, DAY_0 + HOUR_MS)))
    assert core.switches.known("m")[-1].instant_ms == DAY_0 + HOUR_MS


def test_another_model_is_not_touched_by_the_switch() -> None:
    other = compile_model(Definition(model="other"), GRIDS)
    core = ShardCore(0, Catalog().with_revision(other), CONFIG)
    core.impatient = frozenset({"m"})
    core.predictions(batch([*rows(HOURS), *rows([95], "other")]))
    core.set_catalog(learnt(DAY_0 + 2 * DAY_MS, core.catalog))
    assert core.rules.catalog.revisions("other") == (other,)
    assert [r.effective_from_ms for r in core.rules.catalog.revisions("m")] == [ALWAYS_MS, DAY_0 + 4 * DAY_MS]
