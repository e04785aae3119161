"""Same log, same answer: whatever the order of messages among shards, repeats, and restarts."""

import random

import pytest

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import History, Output
from tests.stream.monitor.world import (
    SHARDS,
    Maker,
    Messages,
    alerts,
    catalog_of,
    changed,
    healthy,
    in_order,
    interleaved,
    play,
    run,
)
from tidegauge.alerts import Alert
from tidegauge.codec import decode_profiles, encode_profiles
from tidegauge.profiles import ProfileBundle
from tidegauge.reports import Report

DAYS = changed(changed(healthy(12), range(4, 8), flip=0.4, shift_a=1.0, failed=0.05), range(9, 10), late=0.05)


@pytest.fixture(scope="module")
def messages(compiled: CompiledModel) -> Messages:
    return play(DAYS, compiled)


@pytest.fixture(scope="module")
def expected(messages: Messages, compiled: CompiledModel, reference: Reference) -> list[Output]:
    core = MonitorCore(0, catalog_of(compiled, reference))
    outputs = run(core, in_order(messages), every=2 * SHARDS)
    assert {a.kind for a in alerts(outputs)} >= {"features", "performance", "errors", "tidegauge.state", "traffic"}
    return outputs


def first_reports(outputs: list[Output]) -> list[Report]:
    return [o for o in outputs if isinstance(o, Report) and not o.revision]


@pytest.mark.parametrize("seed", range(4))
def test_any_interleaving_of_shards_gives_the_same_alerts_in_the_same_order(
    messages: Messages, expected: list[Output], make: Maker, seed: int
) -> None:
    outputs = run(make(), interleaved(messages, seed), every=seed + 1)
    assert alerts(outputs) == alerts(expected)
    assert [(r.window, r.part, r.segment, r.n) for r in first_reports(outputs)] == [
        (r.window, r.part, r.segment, r.n) for r in first_reports(expected)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_lag_delay_alerts_but_change_none(
    expected: list[Output], make: Maker, compiled: CompiledModel, seed: int
) -> None:
    """Alerts on inputs do not wait for labels, so only the order between the two families may differ."""
    lagging = play(DAYS, compiled, lag=random.Random(seed))
    outputs = run(make(), interleaved(lagging, seed))
    for family in ({"performance", "calibration", "coverage"}, {"features", "score", "errors", "traffic"}):
        assert [a for a in alerts(outputs) if a.kind in family] == [a for a in alerts(expected) if a.kind in family]


def test_everything_at_once_gives_the_same_alerts(messages: Messages, expected: list[Output], make: Maker) -> None:
    outputs = run(make(), in_order(messages), every=10_000)
    assert alerts(outputs) == alerts(expected)


def test_repeats_and_old_snapshots_change_nothing(messages: Messages, expected: list[Output], make: Maker) -> None:
    core, rng, seen, outputs = make(), random.Random(3), [], []
    for message in in_order(messages):
        seen.append(message)
        for again in [message, *rng.sample(seen, min(3, len(seen)))]:
            core.apply(again)
        outputs += core.advance()
    assert alerts(outputs) == alerts(expected)


def test_a_repeat_dirties_nothing(messages: Messages, make: Maker) -> None:
    core = make()
    for message in messages[0][0]:
        core.apply(message)
    core.dirty_fields()
    for message in messages[0][0]:
        core.apply(message)
    assert core.dirty_fields() == {}


@pytest.mark.parametrize("every", [1, 7])
def test_a_restart_from_stored_fields_at_any_point_goes_on_the_same(
    messages: Messages, expected: list[Output], make: Maker, every: int
) -> None:
    stored: dict[bytes, bytes] = {}
    core, outputs = make(), []
    for count, message in enumerate(in_order(messages)):
        core.apply(message)
        if count % every == 0:
            outputs += core.advance()
        for field, value in core.dirty_fields().items():
            if value is None:
                stored.pop(field, None)
            else:
                stored[field] = value
        if count % 9 == 0:
            core = make()
            core.load(stored)
            assert core.dirty_fields() == {}
    outputs += core.advance()
    assert alerts(outputs) == alerts(expected)
    assert [output for _, output in core.pending() if not isinstance(output, History)] == outputs


def test_the_outbox_survives_until_delivery_and_numbers_never_repeat(messages: Messages, make: Maker) -> None:
    core = make()
    outputs = run(core, in_order(messages[:6]))
    pending = core.pending()
    assert [output for _, output in pending if not isinstance(output, History)] == outputs
    assert len(pending) > len(outputs)
    for number, _ in pending:
        core.delivered(number)
    assert core.pending() == []
    stored = {field: value for field, value in core.dirty_fields().items() if value is not None}
    again = make()
    again.load(stored)
    assert run(again, in_order(messages[6:8]))
    assert again.pending()[0][0] == pending[-1][0] + 1


def test_late_rows_revise_the_report_and_move_no_alert(messages: Messages, expected: list[Output], make: Maker) -> None:
    """The late parts come long after their windows were decided; a control keeps them back for ever."""
    punctual, late = [], []
    for message in in_order(messages):
        decoded = decode_profiles(message)
        if isinstance(decoded, ProfileBundle):
            late += [p for p in decoded.profiles if not p.on_time]
            message = encode_profiles(ProfileBundle([p for p in decoded.profiles if p.on_time]))  # noqa: PLW2901
        punctual.append(message)
    core = make()
    before = run(core, iter(punctual), every=2 * SHARDS)
    core.apply(encode_profiles(ProfileBundle(late)))
    revised = core.advance()
    assert revised
    assert all(isinstance(output, Report) and output.revision == 1 for output in revised)
    assert any(report.part == "inputs" and report.n_late > 0 for report in revised)
    assert any(report.part == "outcome" for report in revised)
    assert core.advance() == []
    others = [a for a in alerts(expected) if a.kind != "tidegauge.state"]
    assert alerts(before) == others
    original = {key(r): r for r in first_reports(before)}
    day = next(r for r in revised if r.part == "inputs" and not r.segment and r.window.length == "1d")
    assert day.n == original[key(day)].n + day.n_late


def key(report: Report) -> tuple[object, ...]:
    return (report.part, report.window, report.segment, report.age_ms)


def test_ids_are_those_of_the_event_time_not_of_the_run(expected: list[Output]) -> None:
    ids = {(a.alert_id, a.kind, a.segment) for a in expected if isinstance(a, Alert)}
    assert len({identity for identity, *_ in ids}) == len(ids)
