"""Learning end to end: types and grids of a model nobody declared, healthy blocks of one without a file; then alerts.

The whole log is there before a worker starts: the fastest replay there can be. It must give the answers of real time.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from integration.end_to_end.cluster import Cluster, wait_for
from integration.end_to_end.topics import read
from integration.learning.history import DAY, DAY_0, DECLARED, DEFINITION, END, STORIES, UNDECLARED, Story, produce

from stream.definitions.chain import DefinitionLog
from stream.kafka.embedded import MAX_UNREAD_BYTES, EmbeddedBroker
from stream.model.compiled import ALWAYS_MS, SCORE
from stream.store.embedded import EmbeddedStore
from tidegauge import Alert, Report, decode_alert, decode_report
from tidegauge.definition import CategoricalGrid, NumericGrid

pytestmark = pytest.mark.integration
TOPICS = ("history", "predictions", "labels", "dead-letters", "profiles", "models", "reports", "alerts", "retraining")


@dataclass
class Learnt:
    """What came of it."""

    log: DefinitionLog
    reports: list[Report]
    alerts: dict[tuple[str, int], Alert]

    def states(self, model: str, from_day: int, to_day: int) -> set[str]:
        """States of the daily input reports whose window ends within some days."""
        return {r.state for r in self.daily(model) if from_day <= (r.window.end_ms - DAY_0) // DAY <= to_day}

    def daily(self, model: str) -> list[Report]:
        """Reports on each day's inputs, as they were decided."""
        return [
            r
            for r in self.reports
            if (r.model, r.part, r.window.length, r.segment, r.revision) == (model, "inputs", "1d", "", 0)
        ]

    def drift(self, model: str) -> list[Alert]:
        """Transitions of drift, in order."""
        found = [alert for alert in self.alerts.values() if (alert.model, alert.kind) == (model, "features")]
        return sorted(found, key=lambda alert: (alert.decided_at_ms, alert.seq))


def learn(cluster: Cluster, profile_partitions: int, workers: int) -> Learnt:
    """Run workers until both models are decided to the log's end."""
    produce(cluster.bootstrap, cluster.prefix)
    for _ in range(workers):
        cluster.worker()
    try:
        wait_for("the last reports", lambda: _ended(_read(cluster, profile_partitions)), 120, cluster)
        return _read(cluster, profile_partitions)
    finally:
        cluster.stop()


def _ended(learnt: Learnt) -> bool:
    last = {r.model for r in learnt.reports if r.part == "outcome" and r.window.end_ms >= END}
    return UNDECLARED in last


def _read(cluster: Cluster, partitions: int) -> Learnt:
    log = DefinitionLog()
    for record in read(cluster.bootstrap, f"{cluster.prefix}models", 1):
        log.apply(record.value, record.offset)
    reports, alerts = (
        [record.value for record in read(cluster.bootstrap, f"{cluster.prefix}{role}", partitions)]
        for role in ("reports", "alerts")
    )
    transitions = {(alert.alert_id, alert.seq): alert for alert in map(decode_alert, alerts)}
    return Learnt(log, [decode_report(value) for value in reports], transitions)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learnt]:
    folder = tmp_path_factory.mktemp("embedded")
    with EmbeddedBroker() as broker, EmbeddedStore() as store:
        broker.create(f"embedded.{role}" for role in TOPICS)
        extra = f"max_unread_bytes: {MAX_UNREAD_BYTES}\n"
        cluster = Cluster(broker.bootstrap, store.url, folder, "embedded.", extra=extra)
        (folder / "counter.yaml").write_text(DEFINITION, encoding="utf-8")
        cluster.apply("counter.yaml")
        yield learn(cluster, 4, workers=1)


@pytest.fixture(scope="module")
def real(bootstrap: str, real_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    folder = tmp_path_factory.mktemp("real")
    (folder / "counter.yaml").write_text(DEFINITION, encoding="utf-8")
    cluster = Cluster(bootstrap, real_redis_url, folder, f"{uuid.uuid4().hex[:8]}.").create("counter.yaml")
    return learn(cluster, 2, workers=2)


@pytest.fixture(scope="module", params=["embedded", "real"])
def learnt(request: pytest.FixtureRequest) -> Learnt:
    result = request.getfixturevalue(request.param)
    assert isinstance(result, Learnt)
    return result


@pytest.mark.parametrize("model", [UNDECLARED, DECLARED])
def test_types_and_grids_come_from_the_first_day_and_hold_a_day_later(learnt: Learnt, model: str) -> None:
    first, last = learnt.log.catalog.revisions(model)
    assert (first.effective_from_ms, first.learning) == (ALWAYS_MS, True)
    assert (last.effective_from_ms, last.learning) == (DAY_0 + 2 * DAY, False)
    newest = learnt.log.history(model).newest
    assert newest is not None
    assert newest.definition.features == {"amount": "numeric", "region": "categorical"}
    assert set(newest.grids) == {"amount", "region", SCORE}
    assert newest.grids["region"] == CategoricalGrid(["north", "south", "west"])
    assert isinstance(newest.grids["amount"], NumericGrid)


@pytest.mark.parametrize(("story", "days", "horizon"), [(STORIES[0], 28, 2), (STORIES[1], 10, 1)])
def test_healthy_blocks_are_learnt_and_then_judge(learnt: Learnt, story: Story, days: int, horizon: int) -> None:
    model = story.model
    ((from_ms, reference),) = learnt.log.catalog.references(model)
    assert (reference.start_ms, reference.end_ms) == (DAY_0 + 2 * DAY, DAY_0 + (2 + days) * DAY)
    assert (reference.source, reference.held_out) == ("learned", True)
    rows = {profile.pane_start_ms for profile in reference.profiles if profile.part == "inputs"}
    assert len(rows) == days
    effective_day = 2 + days + horizon + 1
    assert from_ms == DAY_0 + effective_day * DAY
    assert learnt.states(model, 0, effective_day - 1) == {"learning"}
    assert learnt.states(model, effective_day, effective_day + 4) == {"ok"}
    assert {r.reference for r in learnt.daily(model) if r.window.end_ms >= from_ms} == {reference.id}
    assert {(r.n, r.n_late) for r in learnt.daily(model) if r.window.end_ms <= DAY_0 + story.days * DAY} == {(300, 0)}


@pytest.mark.parametrize(("model", "changed_from"), [(UNDECLARED, 38), (DECLARED, 19)])
def test_drift_is_told_against_the_learnt_reference(learnt: Learnt, model: str, changed_from: int) -> None:
    first = learnt.drift(model)[0]
    assert DAY_0 + (changed_from + 1) * DAY <= first.decided_at_ms <= DAY_0 + (changed_from + 3) * DAY
    assert first.status == "firing"
    assert first.reference == learnt.log.catalog.references(model)[0][1].id
    assert "amount" in first.summary


def test_one_worker_and_two_learn_the_same(embedded: Learnt, real: Learnt) -> None:
    for model in (UNDECLARED, DECLARED):
        assert embedded.log.history(model).newest == real.log.history(model).newest
        assert embedded.log.catalog.references(model) == real.log.catalog.references(model)
    assert embedded.alerts == real.alerts
