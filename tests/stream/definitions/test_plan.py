"""From when a change holds, and what is written for it."""

import dataclasses
import datetime as dt
from zoneinfo import ZoneInfo

import msgspec
import pytest

from stream.definitions.chain import DefinitionLog, ModelHistory, Verdict
from stream.definitions.changes import changes_text
from stream.definitions.plan import MARGIN_MS, Change, Proposal, plan_change
from stream.model.compiled import ALWAYS_MS, SCORE
from stream.model.problems import DefinitionError
from stream.model.reference import Reference
from tidegauge.definition import CoverageMonitor, Definition, LatencyMonitor, NumericGrid, TrafficMonitor
from tidegauge.profiles import Profile

ZONE = "America/New_York"
NOON_MS = int(dt.datetime(2013, 3, 9, 12, tzinfo=ZoneInfo(ZONE)).timestamp()) * 1000
MIDNIGHT_MS = NOON_MS + 12 * 3_600_000
GRIDS = {"temp": NumericGrid([0.0, 1.0]), SCORE: NumericGrid([0.5])}


def reference(body: bytes = b"x") -> Reference:
    return Reference.of("m", [Profile("m", "", "", "inputs", 0, 1, True, 0, "l", 0, 0, 0, body)], held_out=True)


BASE = Proposal(
    Definition(model="m", timezone=ZONE, windows=["1d"], monitors=[TrafficMonitor(), CoverageMonitor()]),
    GRIDS,
    reference(),
)


def after(*proposals: Proposal, newest_event_ms: int | None = None) -> DefinitionLog:
    log = DefinitionLog()
    for proposal in proposals:
        for raw in plan_change(log.history("m"), proposal, newest_event_ms).records:
            assert log.apply(raw, log.next_offset) in {Verdict.ACCEPTED, Verdict.STORED}
    return log


def changed(newest_event_ms: int | None = NOON_MS, **keys: object) -> Change:
    definition = msgspec.structs.replace(BASE.definition, **keys)
    return plan_change(after(BASE).history("m"), Proposal(definition, GRIDS, reference()), newest_event_ms)


def test_the_first_definition_and_reference_hold_for_all_time() -> None:
    change = plan_change(ModelHistory("m"), BASE, NOON_MS)
    assert (change.definition_from_ms, change.reference_from_ms) == (ALWAYS_MS, ALWAYS_MS)


def test_the_same_again_writes_nothing() -> None:
    assert plan_change(after(BASE).history("m"), BASE, NOON_MS) == Change()


def test_that_nothing_changes_is_said_beside_notes_on_the_reference_too() -> None:
    noted = dataclasses.replace(BASE, notes=("2 rows were left out",))
    told = changes_text(after(BASE).history("m"), noted, Change())
    assert told == ("m: nothing changes", "m: note: 2 rows were left out")


def test_other_cells_begin_at_the_next_local_midnight() -> None:
    grids = {**GRIDS, "temp": NumericGrid([0.0, 2.0])}
    change = plan_change(after(BASE).history("m"), Proposal(BASE.definition, grids), NOON_MS)
    assert change.definition_from_ms == MIDNIGHT_MS


def test_other_panes_begin_where_those_before_end() -> None:
    # Windows of an hour alone would begin at the next ten minutes, in the middle of the last day's pane.
    assert changed(windows=["1h"]).definition_from_ms == MIDNIGHT_MS


def test_within_a_minute_of_the_boundary_the_next_one_is_taken() -> None:
    grids = {**GRIDS, "temp": NumericGrid([0.0, 2.0])}
    late_ms = MIDNIGHT_MS - MARGIN_MS + 1
    change = plan_change(after(BASE).history("m"), Proposal(BASE.definition, grids), late_ms)
    # 10 March 2013 had 23 hours.
    assert change.definition_from_ms == MIDNIGHT_MS + 23 * 3_600_000


def test_rules_change_from_the_next_decision() -> None:
    assert changed(monitors=[TrafficMonitor()]).definition_from_ms == NOON_MS + MARGIN_MS


def test_a_limit_of_latency_changes_what_is_counted() -> None:
    monitors = [TrafficMonitor(), CoverageMonitor(), LatencyMonitor(slo="50ms", windows=["1d"])]
    assert changed(monitors=monitors).definition_from_ms == MIDNIGHT_MS


def test_while_nothing_was_read_a_change_replaces_what_it_follows() -> None:
    assert changed(newest_event_ms=None, windows=["1h"]).definition_from_ms == ALWAYS_MS


def test_what_was_learnt_holds_from_a_boundary_after_its_rows_even_when_it_is_the_first() -> None:
    change = plan_change(ModelHistory("m"), BASE, NOON_MS, not_before_ms=NOON_MS)
    assert (change.definition_from_ms, change.reference_from_ms) == (MIDNIGHT_MS, MIDNIGHT_MS)


def test_instants_never_run_backwards() -> None:
    ahead = Proposal(msgspec.structs.replace(BASE.definition, windows=["1h"]), GRIDS)
    log = after(BASE, ahead, newest_event_ms=NOON_MS + 10 * 86_400_000)
    newest = log.history("m").newest
    assert newest is not None
    assert newest.effective_from_ms > NOON_MS
    change = plan_change(log.history("m"), BASE, NOON_MS)
    assert change.definition_from_ms is not None
    assert change.definition_from_ms >= newest.effective_from_ms


def test_a_new_reference_holds_from_the_next_decision_and_not_before_its_cells() -> None:
    history = after(BASE).history("m")
    alone = plan_change(history, Proposal(BASE.definition, GRIDS, reference(b"y")), NOON_MS)
    assert (alone.definition_from_ms, alone.reference_from_ms) == (None, NOON_MS + MARGIN_MS)
    grids = {**GRIDS, "temp": NumericGrid([0.0, 2.0])}
    both = plan_change(history, Proposal(BASE.definition, grids, reference(b"y")), NOON_MS)
    assert both.reference_from_ms == both.definition_from_ms == MIDNIGHT_MS


def test_slices_come_before_the_heads_that_name_them() -> None:
    records = plan_change(ModelHistory("m"), BASE, None).records
    assert [raw.startswith(b"{") for raw in records] == [False, False, True, True]


def test_a_proposal_that_cannot_be_compiled_is_never_written() -> None:
    with pytest.raises(DefinitionError, match="windows"):
        changed(windows=["7x"])
