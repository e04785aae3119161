"""A model nobody declared: its grids, then its reference, come from the stream."""

import random

import msgspec
import numpy as np
import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, SCORE, CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.learn_grids import grids_of
from stream.monitor.lessons import learning_ms, to_learn_ms
from stream.monitor.outputs import LearnedModel, LearnedReference, Output
from stream.parts.hashes import hash_ids
from stream.parts.sample import SamplePart
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, SHARDS, Day, Shard, alerts, changed, healthy
from tidegauge.alerts import Alert
from tidegauge.definition import CategoricalGrid, Definition, NumericGrid, ReferenceSpec
from tidegauge.reports import Report


def test_grids_of_an_undeclared_model_come_from_its_first_day() -> None:
    catalog = Catalog()
    compiled = catalog.compiled_for("m", DAY_0)
    assert compiled.learning
    shards = [Shard(compiled, number) for number in range(SHARDS)]
    rows = [world.rows_of(0, world.Day()), world.rows_of(1, world.Day())]
    core, outputs = MonitorCore(0, catalog), []
    for number in range(2):
        for shard_messages in world.day_messages(shards, rows, number):
            for message in shard_messages:
                core.apply(message)
        outputs.append(core.advance())
    learned = [o for o in outputs[0] if isinstance(o, LearnedModel)]
    assert [o for o in outputs[1] if isinstance(o, LearnedModel)] == []
    assert set(learned[0].grids) == {"a", "b", "c", "colour", SCORE}
    assert isinstance(learned[0].grids["a"], NumericGrid)
    assert learned[0].grids["colour"] == CategoricalGrid(["red", "green", "blue"])
    assert learned[0].effective_from_ms == DAY_0 + 2 * DAY_MS
    again = compile_model(learned[0].definition, learned[0].grids, learned[0].effective_from_ms)
    assert not again.learning
    assert {o.state for o in outputs[0] if isinstance(o, Report) and o.part == "inputs"} == {"learning"}


def test_free_text_is_not_learnt_as_a_number() -> None:
    sample, ids = SamplePart(), [f"id-{i}" for i in range(20)]
    text = {"note": [f"{name}: {'words ' * 20}" for name in ids]}
    sample.update(hash_ids("m", ids), np.linspace(0, 1, 20), {"x": np.arange(20.0)}, text)
    grids = grids_of(Catalog().compiled_for("m", DAY_0), sample)
    assert grids["note"] == CategoricalGrid([])
    assert isinstance(grids["x"], NumericGrid)


@pytest.fixture(scope="module")
def learning(compiled: CompiledModel) -> CompiledModel:
    definition: Definition = msgspec.structs.replace(
        compiled.definition, reference=ReferenceSpec(learn="14d"), windows=["1d"]
    )
    return world.compiled_model(definition)


def test_a_reference_is_learnt_from_matured_days_and_then_judges(learning: CompiledModel) -> None:
    messages = world.play(changed(healthy(26), range(22, 26), shift_a=1.5), learning, after=3)
    catalog = Catalog().with_revision(learning)
    core, outputs = MonitorCore(0, catalog), []
    for day in messages:
        for message in (m for shard in day for m in shard):
            core.apply(message)
        new = core.advance()
        outputs += new
        for learned in new:
            if isinstance(learned, LearnedReference):
                catalog = catalog.with_reference(learned.reference, learned.effective_from_ms)
                core.set_catalog(catalog)
    learned = [o for o in outputs if isinstance(o, LearnedReference)]
    assert len(learned) == 1
    reference = learned[0].reference
    assert (reference.start_ms, reference.end_ms) == (DAY_0 + DAY_MS, DAY_0 + 15 * DAY_MS)
    assert learned[0].effective_from_ms == DAY_0 + 18 * DAY_MS
    assert {p.part for p in reference.profiles} == {"inputs", "outcome"}
    inputs = [o for o in outputs if isinstance(o, Report) and o.part == "inputs" and not o.segment]
    assert {r.state for r in inputs if r.window.end_ms < DAY_0 + 18 * DAY_MS} == {"learning"}
    assert {r.reference for r in inputs if r.window.end_ms >= DAY_0 + 18 * DAY_MS} == {reference.id}
    drift = alerts(outputs, "features")
    assert drift
    assert drift[0].decided_at_ms >= DAY_0 + 23 * DAY_MS
    assert drift[0].reference == reference.id


def replay(
    learning: CompiledModel,
    messages: world.Messages,
    *,
    at_once: bool,
    later: CompiledModel | None = None,
    known: Reference | None = None,
) -> list[Output]:
    """Outputs when a catalog follows each answer: day by day, or with everything there before the first decision."""
    catalog = world.catalog_of(learning, known)
    catalog = catalog if later is None else catalog.with_revision(later)
    core, outputs = MonitorCore(0, catalog), []
    days = [[m for day in messages for shard in day for m in shard]] if at_once else messages
    for day in days:
        for message in day if at_once else (m for shard in day for m in shard):
            core.apply(message)
        while new := core.advance():
            outputs += new
            for learned in new:
                if isinstance(learned, LearnedReference):
                    catalog = catalog.with_reference(learned.reference, learned.effective_from_ms)
                    core.set_catalog(catalog)
    return outputs


def test_a_fast_replay_gives_the_answers_of_a_slow_stream(learning: CompiledModel) -> None:
    messages = world.play(changed(healthy(26), range(22, 26), shift_a=1.5), learning, after=3)
    slow, fast = (replay(learning, messages, at_once=at_once) for at_once in (False, True))
    assert alerts(fast, "features")
    assert alerts(fast) == alerts(slow)
    for kind in (Report, LearnedReference):
        ours, theirs = ([o for o in outputs if isinstance(o, kind)] for outputs in (fast, slow))
        assert sorted(map(repr, ours)) == sorted(map(repr, theirs))


def test_predictions_that_are_ahead_of_labels_wait_for_the_reference(learning: CompiledModel) -> None:
    days = changed(healthy(26), range(22, 26), shift_a=1.5)
    together = world.play(days, learning, after=3)
    behind = world.play(days, learning, after=3, lag=random.Random(1))
    late, on_time = (replay(learning, messages, at_once=False) for messages in (behind, together))
    assert {a.alert_id for a in alerts(late, "features")} == {a.alert_id for a in alerts(on_time, "features")}
    ours, theirs = (
        {(r.window.end_ms, r.reference, r.state) for r in outputs if isinstance(r, Report) and r.part == "inputs"}
        for outputs in (late, on_time)
    )
    assert ours == theirs


def test_a_model_that_was_tried_once_is_learnt_when_it_has_traffic(learning: CompiledModel) -> None:
    days = changed([Day(rows=300)] * 39, range(1, 20), rows=0)
    messages = world.play(days, learning, after=3)
    slow, fast = (replay(learning, messages, at_once=at_once) for at_once in (False, True))
    [reference] = [o.reference for o in slow if isinstance(o, LearnedReference)]
    assert (reference.start_ms, reference.end_ms) == (DAY_0 + 20 * DAY_MS, DAY_0 + 34 * DAY_MS)
    judged = {o.window.end_ms for o in slow if isinstance(o, Report) and o.part == "inputs" and o.reference}
    assert min(judged) == DAY_0 + 37 * DAY_MS
    assert told(fast) == told(slow)


def test_a_reference_is_learnt_anew_for_another_layout(learning: CompiledModel) -> None:
    """Another grid on day 18, as of a feature more; what drifts then is judged by the days from then on."""
    before = world.compiled_model(msgspec.structs.replace(learning.definition, reference=ReferenceSpec(learn="10d")))
    grids = {**world.grids(), "a": NumericGrid([-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0])}
    after = compile_model(before.definition, grids, effective_from_ms=DAY_0 + 18 * DAY_MS)
    days = changed([Day(rows=400)] * 36, range(32, 36), shift_a=2.5)
    messages = world.play_two(days, before, after, 18)
    slow, fast = (replay(before, messages, at_once=at_once, later=after) for at_once in (False, True))
    first, second = (o.reference for o in slow if isinstance(o, LearnedReference))
    assert (first.start_ms, first.end_ms) == (DAY_0 + DAY_MS, DAY_0 + 11 * DAY_MS)
    assert (second.start_ms, second.end_ms) == (DAY_0 + 18 * DAY_MS, DAY_0 + 28 * DAY_MS)
    assert min(alert.decided_at_ms for alert in alerts(slow, "traffic")) > DAY_0 + 36 * DAY_MS, "when it stops"
    assert {alert.reference for alert in alerts(slow, "features")} == {second.id}
    assert told(fast) == told(slow)


def test_outcomes_of_another_layout_are_learnt_anew_too(learning: CompiledModel) -> None:
    later = compile_model(
        msgspec.structs.replace(learning.definition, label_ages=["3h"]), world.grids(), effective_from_ms=DAY_0
    )
    older, newer = (world.reference(compiled, days=1) for compiled in (learning, later))
    catalog = Catalog().with_revision(learning).with_reference(older, ALWAYS_MS)
    assert to_learn_ms(catalog, learning) == 0
    changed_catalog = catalog.with_revision(later)
    assert to_learn_ms(changed_catalog, learning) == 0
    assert to_learn_ms(changed_catalog, later) == learning_ms(later) > 0
    assert to_learn_ms(changed_catalog.with_reference(newer, DAY_0 + DAY_MS), later) == 0


def test_days_that_drifted_are_left_out_however_long_ago(learning: CompiledModel) -> None:
    definition = msgspec.structs.replace(learning.definition, reference=ReferenceSpec(trailing="14d"))
    compiled = world.compiled_model(definition)
    messages = world.play(changed([Day(rows=400)] * 34, range(18, 21), shift_a=3.0), compiled, after=0)
    slow, fast = (replay(compiled, messages, at_once=at_once) for at_once in (False, True))
    *_, third = (o.reference for o in slow if isinstance(o, LearnedReference))
    assert third.end_ms == DAY_0 + 29 * DAY_MS
    inputs = {p.pane_start_ms for p in third.profiles if p.part == "inputs" and not p.segment and p.on_time}
    assert inputs == {DAY_0 + day * DAY_MS for day in (15, 16, 17, *range(21, 29))}
    assert told(fast) == told(slow)


def told(outputs: list[Output]) -> list[str]:
    return sorted(repr(o) for o in outputs if isinstance(o, Report | LearnedReference | Alert))


def test_without_grids_nothing_is_judged_and_nothing_breaks() -> None:
    compiled = Catalog().compiled_for("m", DAY_0)
    messages = world.play(healthy(3), compiled)
    outputs = world.run(MonitorCore(0, Catalog()), world.in_order(messages))
    assert alerts(outputs) == []
    days = [o for o in outputs if isinstance(o, Report) and o.part == "inputs" and o.window.length == "1d"]
    assert sum(report.n for report in days) == 2400, "the third day waits for its grids"
