"""State that is lost and rebuilt in a world of sixteen days: what is told is what an undisturbed monitor tells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from stream.history.records import Kept, encode_history, read_history
from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import History, Output
from stream.monitor.told import ENDED
from stream.rebuild.memory import Heard, hear, monitor_fields
from stream.rebuild.reach import needs
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, SHARDS, Day, Rows, Shard, changed, healthy
from tidegauge.alerts import Alert
from tidegauge.codec import encode
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

RETENTION_MS = 3_600_000
LAST = 16
LOST = 10
"""The day of the loss, in the middle of two episodes: one began before the newest snapshot, one after."""

TROUBLE: Sequence[Day] = changed(
    changed(changed(healthy(LAST), range(4, 13), shift_a=1.0), range(9, 12), flip=0.6), range(8, 10), failed=0.2
)


@dataclass
class Topics:
    """What a monitor has sent, as topics hold it; `marks` say how much of both there was after each day."""

    history: list[tuple[bytes, bytes | None, int]] = field(default_factory=list)
    told: list[Alert | RetrainingRequest | Report] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)

    def take(self, core: MonitorCore) -> None:
        for number, output in core.pending():
            self.put(output)
            core.delivered(number)

    def put(self, output: Output) -> None:
        if isinstance(output, History):
            self.history += [(key, value, 0) for key, value in encode_history(output, piece_bytes=2_000)]
        else:
            assert isinstance(output, Alert | RetrainingRequest | Report)
            self.told.append(output)

    @property
    def transitions(self) -> list[tuple[str, int]]:
        return sorted((alert.alert_id, alert.seq) for alert in self.told if isinstance(alert, Alert))

    @property
    def alerts(self) -> list[bytes]:
        return sorted(encode(alert) for alert in self.told if isinstance(alert, Alert))

    @property
    def requests(self) -> list[str]:
        return sorted(request.request_id for request in self.told if isinstance(request, RetrainingRequest))

    @property
    def reports(self) -> list[tuple[object, ...]]:
        found = [report for report in self.told if isinstance(report, Report)]
        return sorted((r.version, r.segment, r.part, r.window.end_ms, r.window.length, r.age_ms) for r in found)


@pytest.fixture(scope="module")
def rows() -> list[Rows]:
    return [world.rows_of(number, day) for number, day in enumerate(TROUBLE)]


@pytest.fixture(scope="module")
def catalog(compiled: CompiledModel, reference: Reference) -> Catalog:
    return world.catalog_of(compiled, reference)


def read(core: MonitorCore, compiled: CompiledModel, rows: list[Rows], days: range, topics: Topics) -> None:
    """Read the log of some days with shards that know nothing of the days before."""
    shards = [Shard(compiled, number) for number in range(SHARDS)]
    seen = [day if number >= days.start else None for number, day in enumerate(rows)]
    for number in days:
        for messages in messages_of(shards, seen, number):
            for message in messages:
                core.apply(message)
        core.advance()
        topics.take(core)
        topics.marks.append((len(topics.history), len(topics.told)))


def messages_of(shards: list[Shard], rows: Sequence[Rows | None], number: int) -> list[list[bytes]]:
    end_ms = DAY_0 + (number + 1) * DAY_MS
    for shard in shards:
        if number < len(rows) and (today := rows[number]) is not None:
            world.add(shard.store, shard.compiled, today, today.shard == shard.number, (0, end_ms))
        for before in filter(None, rows[max(0, number - 2) : number]):
            mine = before.shard == shard.number
            world.add_outcomes(shard.store, shard.compiled, before, mine, (end_ms - DAY_MS, end_ms))
    return [[shard.bundle(), shard.watermark(end_ms, end_ms)] for shard in shards]


@pytest.fixture(scope="module")
def undisturbed(catalog: Catalog, compiled: CompiledModel, rows: list[Rows]) -> Topics:
    topics = Topics()
    read(MonitorCore(0, catalog), compiled, rows, range(LAST + 4), topics)
    return topics


@dataclass
class Loss:
    """What is left after ten days: the topics, of which the last transitions may be missing."""

    topics: Topics
    kept: Kept
    heard: Heard
    first_day: int


@pytest.fixture
def lose(catalog: Catalog, undisturbed: Topics) -> Callable[..., Loss]:
    """Lose the state after ten days: `history` is older by some of them, the last transitions may be untold."""

    def lost(untold: int = 0, older: int = 4) -> Loss:
        history = undisturbed.history[: undisturbed.marks[LOST - older - 1][0]]
        told = undisturbed.told[: undisturbed.marks[LOST - 1][1]]
        for alert in [message for message in told if isinstance(message, Alert)][::-1][:untold]:
            told.remove(alert)
        kept = read_history(history)
        [need] = needs(catalog, kept.snapshots.values(), ["m"], RETENTION_MS)
        first_day, rest = divmod(need.from_ms - DAY_0, DAY_MS)
        assert rest == 0
        return Loss(Topics(history, told), kept, hear(told), first_day)

    return lost


def go_on(loss: Loss, catalog: Catalog, compiled: CompiledModel, rows: list[Rows], first_day: int) -> None:
    core = MonitorCore(0, catalog)
    core.load(monitor_fields(0, 1, loss.kept, loss.heard, DAY_0 + first_day * DAY_MS))
    read(core, compiled, rows, range(first_day, LAST + 4), loss.topics)


def test_the_world_has_what_the_tests_are_about(undisturbed: Topics) -> None:
    lost_ms = DAY_0 + LOST * DAY_MS
    alerts = [alert for alert in undisturbed.told if isinstance(alert, Alert)]
    across = {a.alert_id for a in alerts if a.decided_at_ms <= lost_ms} & {
        a.alert_id for a in alerts if a.decided_at_ms > lost_ms
    }
    assert len(across) >= 2
    assert any(lost_ms - 2 * DAY_MS < alert.decided_at_ms <= lost_ms for alert in alerts)
    assert undisturbed.requests


@pytest.mark.parametrize("older", [0, 2, 4])
def test_every_transition_is_told_once(
    lose: Callable[..., Loss],
    undisturbed: Topics,
    catalog: Catalog,
    compiled: CompiledModel,
    rows: list[Rows],
    older: int,
) -> None:
    loss = lose(older=older)
    assert loss.first_day < LOST - older
    go_on(loss, catalog, compiled, rows, loss.first_day)
    assert loss.topics.transitions == undisturbed.transitions
    assert loss.topics.alerts == undisturbed.alerts, "to the last byte of their evidence"
    assert loss.topics.requests == undisturbed.requests
    assert loss.topics.reports == undisturbed.reports


def test_what_was_decided_and_not_told_before_the_loss_is_told(
    lose: Callable[..., Loss], undisturbed: Topics, catalog: Catalog, compiled: CompiledModel, rows: list[Rows]
) -> None:
    loss = lose(untold=2)
    go_on(loss, catalog, compiled, rows, loss.first_day)
    assert loss.topics.transitions == undisturbed.transitions


def test_a_replay_from_a_day_too_late_tells_something_else(
    lose: Callable[..., Loss], undisturbed: Topics, catalog: Catalog, compiled: CompiledModel, rows: list[Rows]
) -> None:
    loss = lose()
    go_on(loss, catalog, compiled, rows, LOST - 1)
    assert loss.topics.transitions != undisturbed.transitions or loss.topics.reports != undisturbed.reports


def test_without_history_something_else_is_told(
    lose: Callable[..., Loss], undisturbed: Topics, catalog: Catalog, compiled: CompiledModel, rows: list[Rows]
) -> None:
    loss = lose()
    core = MonitorCore(0, catalog)
    read(core, compiled, rows, range(loss.first_day, LAST + 4), loss.topics)
    assert loss.topics.transitions != undisturbed.transitions


def test_what_fires_in_the_topic_and_not_in_the_state_is_ended_once(
    lose: Callable[..., Loss], undisturbed: Topics, catalog: Catalog, compiled: CompiledModel, rows: list[Rows]
) -> None:
    loss = lose()
    orphan = Alert(
        alert_id="orphan", seq=3, status="firing", severity="warning", kind="score", model="m", version="v1",
        decided_at_ms=DAY_0 + (LOST - 1) * DAY_MS,
    )  # fmt: skip
    loss.topics.told.append(orphan)
    loss.heard = hear(loss.topics.told)
    go_on(loss, catalog, compiled, rows, loss.first_day)
    told = [a for a in loss.topics.told if isinstance(a, Alert) and a.alert_id == "orphan"]
    assert [(alert.seq, alert.status) for alert in told] == [(3, "firing"), (4, "resolved")]
    assert told[-1].reason == ENDED
    assert len(loss.topics.transitions) == len(undisturbed.transitions) + 2


def test_a_second_loss_in_the_middle_of_the_replay_changes_nothing(
    lose: Callable[..., Loss], undisturbed: Topics, catalog: Catalog, compiled: CompiledModel, rows: list[Rows]
) -> None:
    loss = lose()
    core = MonitorCore(0, catalog)
    core.load(monitor_fields(0, 1, loss.kept, loss.heard, DAY_0 + loss.first_day * DAY_MS))
    read(core, compiled, rows, range(loss.first_day, LOST - 2), loss.topics)
    again = Loss(loss.topics, read_history(loss.topics.history), hear(loss.topics.told), 0)
    [need] = needs(catalog, again.kept.snapshots.values(), ["m"], RETENTION_MS)
    go_on(again, catalog, compiled, rows, (need.from_ms - DAY_0) // DAY_MS)
    assert loss.topics.alerts == undisturbed.alerts
    assert loss.topics.reports == undisturbed.reports
