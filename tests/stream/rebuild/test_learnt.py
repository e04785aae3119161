"""State that is lost while a reference is being learnt: the panes of the weeks before come from `history`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from stream.history.records import Kept, encode_history, read_history
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import CompiledModel
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import History, LearnedReference
from stream.rebuild.memory import hear, monitor_fields
from stream.rebuild.reach import needs
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, SHARDS, Rows, Shard, changed, healthy
from tests.stream.rebuild.test_replay import messages_of
from tidegauge.alerts import Alert
from tidegauge.definition import DriftMonitor, NumericGrid, ReferenceSpec

DAYS, LOST = 25, 15


@dataclass
class Told:
    """What came of the days; `kept` of `history` is what there was when the state was lost."""

    history: list[tuple[bytes, bytes | None, int]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    lost: tuple[int, int] = (0, 0)
    catalog: Catalog | None = None
    known: Catalog | None = None


def catalog_of(learning: CompiledModel, later: CompiledModel | None) -> Catalog:
    catalog = Catalog().with_revision(learning)
    return catalog if later is None else catalog.with_revision(later)


@pytest.fixture(scope="module")
def learning() -> CompiledModel:
    definition = msgspec.structs.replace(
        world.DEFINITION,
        segments=[],
        windows=["1d"],
        reference=ReferenceSpec(learn="14d"),
        monitors=[DriftMonitor(features=["a", "b"])],
    )
    return world.compiled_model(definition)


@pytest.fixture(scope="module")
def rows() -> list[Rows]:
    days = [replace(day, rows=400) for day in changed(healthy(DAYS), range(21, DAYS), shift_a=1.5)]
    return [world.rows_of(number, day) for number, day in enumerate(days)]


def read(
    core: MonitorCore,
    learning: CompiledModel,
    rows: Sequence[Rows],
    days: range,
    told: Told,
    later: CompiledModel | None = None,
    lost: int = LOST,
) -> None:
    """Read days; `later` takes the definition's place on the day from which it holds. What was learnt stays learnt."""
    catalog = told.catalog or catalog_of(learning, later)
    core.set_catalog(catalog)
    shards = [Shard(learning, number) for number in range(SHARDS)]
    seen = [day if number >= days.start else None for number, day in enumerate(rows)]
    for number in days:
        if later is not None and DAY_0 + number * DAY_MS >= later.effective_from_ms:
            shards = [replace(shard, compiled=later) for shard in shards]
        for message in [message for shard in messages_of(shards, seen, number) for message in shard]:
            core.apply(message)
        while core.advance() or core.pending():
            for count, output in core.pending():
                if isinstance(output, History):
                    told.history += [(key, value, 0) for key, value in encode_history(output)]
                elif isinstance(output, Alert):
                    told.alerts.append(output)
                elif isinstance(output, LearnedReference):
                    told.references.append(output.reference.id)
                    catalog = catalog.with_reference(output.reference, output.effective_from_ms)
                    core.set_catalog(catalog)
                core.delivered(count)
        if number == lost - 1:
            told.lost, told.known = (len(told.history), len(told.alerts)), catalog


@pytest.fixture(scope="module")
def undisturbed(learning: CompiledModel, rows: list[Rows]) -> Told:
    told = Told()
    read(MonitorCore(0, Catalog().with_revision(learning)), learning, rows, range(DAYS + 3), told)
    assert len(told.references) == 1
    assert told.alerts
    return told


@pytest.mark.parametrize("with_panes", [True, False])
def test_the_same_reference_is_learnt_from_the_panes_in_history(
    learning: CompiledModel, rows: list[Rows], undisturbed: Told, *, with_panes: bool
) -> None:
    history = undisturbed.history[: undisturbed.lost[0]]
    kept = read_history(history)
    [need] = needs(Catalog().with_revision(learning), kept.snapshots.values(), [], 3_600_000)
    first_day = (need.from_ms - DAY_0) // DAY_MS
    assert LOST - 5 < first_day < LOST
    if not with_panes:
        kept = Kept(kept.snapshots)
    again = Told()
    core = MonitorCore(0, Catalog().with_revision(learning))
    core.load(monitor_fields(0, 1, kept, hear(undisturbed.alerts[: undisturbed.lost[1]]), need.from_ms))
    read(core, learning, rows, range(first_day, DAYS + 3), again)
    assert (again.references == undisturbed.references) is with_panes
    if with_panes:
        assert again.alerts == undisturbed.alerts[undisturbed.lost[1] :]


def test_what_is_learnt_anew_is_learnt_from_history_too(learning: CompiledModel) -> None:
    """The definition changes on day 14; the state is lost on day 20, while the second reference is learnt."""
    spec = ReferenceSpec(learn="10d")
    definition = msgspec.structs.replace(learning.definition, reference=spec, label_horizon="1d")
    first = world.compiled_model(definition)
    grids = {**world.grids(), "a": NumericGrid([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])}
    later = compile_model(definition, grids, effective_from_ms=DAY_0 + 14 * DAY_MS)
    rows = [world.rows_of(number, world.Day(rows=400)) for number in range(26)]
    before = Told()
    read(MonitorCore(0, Catalog()), first, rows, range(27), before, later, lost=20)
    assert len(before.references) == 2
    kept = read_history(before.history[: before.lost[0]])
    assert before.known is not None
    [need] = needs(before.known, kept.snapshots.values(), [], 3_600_000)
    assert DAY_0 + 16 * DAY_MS < need.from_ms < DAY_0 + 20 * DAY_MS
    core, again = MonitorCore(0, before.known), Told(catalog=before.known)
    core.load(monitor_fields(0, 1, kept, hear(before.alerts[: before.lost[1]]), need.from_ms))
    read(core, first, rows, range((need.from_ms - DAY_0) // DAY_MS, 27), again, later)
    assert again.references == before.references[1:]


def test_panes_leave_history_when_nothing_is_learnt_from_them_any_more(undisturbed: Told) -> None:
    assert len(read_history(undisturbed.history[: undisturbed.lost[0]]).panes) > LOST
    assert read_history(undisturbed.history).panes == {}
    came = [record for record in undisturbed.history if record[1] is not None]
    last_ms = max(key.pane_end_ms for key in read_history(came).panes)
    assert DAY_0 + 14 * DAY_MS < last_ms < DAY_0 + 21 * DAY_MS
