"""Taking a shard over: state that is gone, damaged, or of another log is said, and dropped only when asked for."""

from collections.abc import Iterator

import pytest
import redis
from profiler_logs import CONFIG, catalog, random_logs, raw

from stream.checkpoint import ShardName, StateLostError, StateVersionError, SyncRunner
from stream.checkpoint.fit import Log
from stream.parts.keys import PartKey
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.heritage import Heritage
from stream.profiler.shard import LOSS_TOLD_MS
from stream.store.embedded import EmbeddedStore

NAME = ShardName("h.", "profiler", 0)
ROWS, LABELLED = random_logs(3, predictions=60)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with EmbeddedStore() as store:
        yield store.url


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as connection:
        for key in connection.scan_iter():
            connection.delete(key)
        yield connection


class Kafka:
    """Both logs of the shard, and what the group has committed."""

    def __init__(self) -> None:
        self.spans = {PREDICTIONS: range(len(ROWS)), LABELS: range(len(LABELLED))}
        self.committed: dict[str, int] = {}
        self.epoch = 0

    def __call__(self, shard: int) -> Log:
        return Log(self.spans, self.committed, self.epoch)


def heritage(kafka: Kafka, *, cold_start: bool = False) -> Heritage:
    return Heritage(CONFIG, catalog, kafka, cold_start=cold_start)


def take_over(client: redis.Redis, kafka: Kafka, *, cold_start: bool = False) -> tuple[SyncRunner, Checkpoints]:
    runner = SyncRunner(client, NAME)
    return runner, heritage(kafka, cold_start=cold_start).take_over(runner)


def work(client: redis.Redis, kafka: Kafka) -> tuple[SyncRunner, Checkpoints]:
    """Count everything, and write it."""
    runner, checkpoints = take_over(client, kafka)
    checkpoints.core.predictions(raw(ROWS, 0, len(ROWS)))
    checkpoints.core.labels(raw(LABELLED, 0, len(LABELLED)))
    write(runner, checkpoints)
    kafka.committed = checkpoints.offsets
    return runner, checkpoints


def write(runner: SyncRunner, checkpoints: Checkpoints) -> None:
    checkpoint = checkpoints.take(0)
    assert checkpoint is not None
    checkpoints.landed(checkpoint, runner.commit(checkpoint.delta).seq or 0)


def flush(client: redis.Redis, kafka: Kafka) -> None:
    for key in client.scan_iter():
        client.delete(key)


def evict_one_key(client: redis.Redis, kafka: Kafka) -> None:
    client.delete(NAME.fields)


def damage_a_part(client: redis.Redis, kafka: Kafka) -> None:
    field = next(name for name in client.hkeys(NAME.fields) if name.startswith(b"p|"))
    client.hset(NAME.fields, field, b"\xff not a snapshot")


def damage_the_names(client: redis.Redis, kafka: Kafka) -> None:
    client.hset(NAME.fields, b"n|planner", b"\xc1")


def damage_a_bucket(client: redis.Redis, kafka: Kafka) -> None:
    name = client.hkeys(NAME.buckets)[0].decode()
    client.set(NAME.bucket(name), b"odd")
    client.hset(NAME.buckets, name, 3)


def create_the_topic_anew(client: redis.Redis, kafka: Kafka) -> None:
    kafka.spans = {PREDICTIONS: range(5), LABELS: range(5)}


TROUBLES = {
    "flushed": (flush, "its state is lost"),
    "evicted": (evict_one_key, "noeviction"),
    "part": (damage_a_part, "cannot be read"),
    "names": (damage_the_names, "cannot be read"),
    "bucket": (damage_a_bucket, "cannot be read"),
    "recreated": (create_the_topic_anew, "was the topic created anew"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_lost_state_ends_the_worker_unless_a_cold_start_was_asked_for(client: redis.Redis, trouble: str) -> None:
    happen, says = TROUBLES[trouble]
    kafka = Kafka()
    work(client, kafka)
    happen(client, kafka)
    for _ in range(2):  # a restart meets the same
        with pytest.raises(StateLostError, match=says) as caught:
            take_over(client, kafka)
        assert "--cold-start" in str(caught.value)
        assert caught.value.exit_code == 4
    runner, checkpoints = take_over(client, kafka, cold_start=True)
    core = checkpoints.core
    assert len(core.store) == 0
    assert core.offsets == {role: span.start for role, span in kafka.spans.items()}
    assert says in core.watermark(1, 1).loss
    write(runner, checkpoints)
    _, again = take_over(client, kafka)  # accepted once is accepted: the next start needs no flag
    assert says in again.core.loss
    again.core.tick(again.core.loss_ms + LOSS_TOLD_MS, None)
    assert again.core.watermark(1, 1).loss == ""


def test_records_that_expired_unread_are_gaps_when_that_was_accepted(client: redis.Redis) -> None:
    kafka = Kafka()
    _, before = work(client, kafka)
    kafka.spans = {PREDICTIONS: range(len(ROWS) + 7, len(ROWS) + 9), LABELS: range(len(LABELLED), len(LABELLED))}
    with pytest.raises(StateLostError, match="7 records expired before they were read"):
        take_over(client, kafka)
    runner, checkpoints = take_over(client, kafka, cold_start=True)
    core = checkpoints.core
    assert len(core.store) == len(before.core.store)
    assert core.offsets == {PREDICTIONS: len(ROWS) + 7, LABELS: len(LABELLED)}
    counts = core.counts[PREDICTIONS]
    assert counts.messages + counts.gaps == core.offsets[PREDICTIONS]
    write(runner, checkpoints)
    assert take_over(client, kafka)[1].core.counts[PREDICTIONS].gaps == counts.gaps


def test_parked_memory_does_not_hide_that_the_store_is_empty(client: redis.Redis) -> None:
    kafka = Kafka()
    runner, checkpoints = work(client, kafka)
    flush(client, kafka)
    with pytest.raises(StateLostError, match="holds nothing"):
        heritage(kafka).take_over(runner, checkpoints)


def test_a_newer_release_is_not_reset_even_when_asked(client: redis.Redis) -> None:
    kafka = Kafka()
    work(client, kafka)
    client.hset(NAME.meta, "format", 99)
    with pytest.raises(StateVersionError):
        take_over(client, kafka, cold_start=True)


def test_a_new_installation_on_an_old_log_is_no_loss(client: redis.Redis) -> None:
    kafka = Kafka()
    kafka.spans = {PREDICTIONS: range(1_000, 2_000), LABELS: range(5, 5)}
    _, checkpoints = take_over(client, kafka)
    assert checkpoints.core.loss == ""


def fail_over(client: redis.Redis, kafka: Kafka, ahead_ms: int = 0) -> None:
    """Let the store forget the newest owner, and an older one go on."""
    zombie, old = take_over(client, kafka)
    old.core.predictions(raw(ROWS, 0, 20))
    write(zombie, old)
    lagging = {key: client.dump(key) for key in client.scan_iter()}
    newest, young = take_over(client, kafka)
    young.core.predictions(raw(ROWS, 20, 25))
    write(newest, young)
    # The clock of the server that fails may have been ahead of the next one's.
    kafka.committed, kafka.epoch = young.offsets, newest.epoch + ahead_ms
    flush(client, kafka)
    for key, value in lagging.items():
        client.restore(key, 0, value)
    old.core.predictions(raw(ROWS, 20, 60))
    write(zombie, old)  # it is the owner, as far as the store knows


@pytest.mark.parametrize("ahead_ms", [0, 3_600_000])
def test_what_a_zombie_told_after_a_failover_is_told_anew(client: redis.Redis, ahead_ms: int) -> None:
    """Nothing it told outranks what the newest had told."""
    kafka = Kafka()
    fail_over(client, kafka, ahead_ms)
    heir, checkpoints = take_over(client, kafka)
    assert heir.epoch > kafka.epoch
    assert checkpoints.offsets == {}  # nothing is committed under the new epoch before the store knows what is owed
    checkpoint = checkpoints.take(0)
    assert checkpoint is not None
    publication = checkpoints.landed(checkpoint, heir.commit(checkpoint.delta).seq or 0)
    told = {PartKey.of(profile): profile for profile in publication.profiles.values()}
    assert told.keys() == set(checkpoints.core.store)
    assert all(profile.epoch == heir.epoch for profile in told.values())
    assert checkpoints.offsets == {PREDICTIONS: 60}
    # One who takes over before Kafka has them finds them among the unpublished.
    assert take_over(client, kafka)[1].republish().profiles.keys() == publication.profiles.keys()


def test_what_an_heir_owed_and_never_wrote_the_next_one_owes(client: redis.Redis) -> None:
    kafka = Kafka()
    fail_over(client, kafka)
    for _ in range(2):
        take_over(client, kafka)  # killed before its first checkpoint
    heir, checkpoints = take_over(client, kafka)
    assert checkpoints.offsets == {}
    checkpoint = checkpoints.take(0)
    assert checkpoint is not None
    assert checkpoint.bodies.keys() == set(checkpoints.core.store)
    checkpoints.landed(checkpoint, heir.commit(checkpoint.delta).seq or 0)
    kafka.committed, kafka.epoch = checkpoints.offsets, heir.epoch
    assert take_over(client, kafka)[1].take(0) is None  # paid


def test_an_ordinary_heir_owes_nothing(client: redis.Redis) -> None:
    kafka = Kafka()
    runner, checkpoints = work(client, kafka)
    assert take_over(client, kafka)[1].take(0) is None  # nobody has committed an epoch
    runner, checkpoints = take_over(client, kafka)
    kafka.epoch = runner.epoch
    for _ in range(2):  # its shard leaves and comes back, the second time before Kafka has the new epoch
        checkpoints = heritage(kafka).take_over(runner, checkpoints)
        assert checkpoints.take(0) is None
    kafka.epoch = runner.epoch
    assert take_over(client, kafka)[1].take(0) is None
