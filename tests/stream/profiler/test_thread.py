"""The profiler's thread on librdkafka's mock cluster and a real Valkey."""

import dataclasses
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from profiler_cluster import PARTITIONS, Reader, expected, produce, published, read_all, tell_soon, wait
from profiler_logs import CONFIG, catalog, random_logs
from servers.redis import RedisServer, valkey_binary

from stream.app.watchdog import Watchdog
from stream.checkpoint import Delta, ShardName, SyncRunner
from stream.errors import LostStateError, UnreachableError
from stream.kafka.embedded import EmbeddedBroker
from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from stream.profiler import Cadence, ProfilerConfig, ProfilerThread
from stream.profiler.decode import PREDICTIONS
from stream.store.embedded import EmbeddedStore
from tidegauge.profiles import WatermarkReport

pytestmark = pytest.mark.embedded

FAST = Cadence(checkpoint_seconds=0.05, watermark_seconds=0.1, closing_seconds=0.02)


@pytest.fixture(autouse=True)
def told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_soon(monkeypatch)


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with EmbeddedBroker() as server:
        yield server.bootstrap


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with EmbeddedStore() as server:
        yield server.url


@pytest.fixture
def config(broker: str) -> ProfilerConfig:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    shard = dataclasses.replace(CONFIG, publish_ms=200)
    return ProfilerConfig(
        kafka={"bootstrap.servers": broker},
        topics=TopicNames(prefix),
        group=f"{prefix}profiler",
        monitor_group=f"{prefix}monitor",
        cadence=FAST,
        shard=shard,
    )


def profiler(config: ProfilerConfig, store: str) -> ProfilerThread:
    client = redis.Redis.from_url(store, socket_timeout=2, socket_connect_timeout=2)
    shared = catalog()
    return ProfilerThread(config, client, lambda: shared)


@pytest.mark.parametrize("sizes", [{}, {"max_ahead_ms": 600_000, "batch": 20, "chunk": 7}])
def test_what_is_published_is_what_the_logs_say(config: ProfilerConfig, store: str, sizes: dict[str, int]) -> None:
    config = dataclasses.replace(config, **sizes)  # type: ignore[arg-type]  # the sizes are integers
    rows, labels = random_logs(1, predictions=400)
    produce(config, rows, config.topics.predictions)
    produce(config, labels, config.topics.labels)
    reader = Reader(config, config.topics.profiles)
    thread = profiler(config, store)
    thread.start()
    try:
        want = expected(config, rows, labels)
        wait(lambda: published(reader) == want or thread.failure, what="agreement")
        assert thread.failure is None
        wait(lambda: reader.profiles() and any(len(r.shards) == PARTITIONS for r in reader.reports), what="watermarks")
        assert reader.reports[-1].partitions == PARTITIONS
    finally:
        assert thread.stop(30.0)
    assert thread.failure is None


def test_a_successor_goes_on_where_the_first_stopped(config: ProfilerConfig, store: str) -> None:
    rows, labels = random_logs(2, predictions=400)
    produce(config, rows[:200], config.topics.predictions)
    produce(config, labels[:150], config.topics.labels)
    reader = Reader(config, config.topics.profiles)
    first = profiler(config, store)
    first.start()
    wait(lambda: read_all([first], rows[:200], labels[:150]), what="reading")
    assert first.stop(30.0)
    produce(config, rows[200:], config.topics.predictions)
    produce(config, labels[150:], config.topics.labels)
    second = profiler(config, store)
    second.start()
    try:
        want = expected(config, rows, labels)
        wait(lambda: published(reader) == want, what="agreement")
        wait(lambda: read_all([second], rows, labels), what="status")
        assert all(shard.predictions.balanced() for shard in second.status.shards)
        assert second.status.totals.checkpoint_bytes > 0
    finally:
        assert second.stop(30.0)


def test_two_share_the_shards_and_a_rebalance_changes_nothing(config: ProfilerConfig, store: str) -> None:
    rows, labels = random_logs(3, predictions=600)
    reader = Reader(config, config.topics.profiles)
    first, second = profiler(config, store), profiler(dataclasses.replace(config, worker="other"), store)
    first.start()
    wait(lambda: len(first.status.shards) == PARTITIONS, what="assignment")
    produce(config, rows[:300], config.topics.predictions)
    produce(config, labels[:300], config.topics.labels)
    second.start()
    try:
        wait(lambda: len(first.status.shards) == len(second.status.shards) == PARTITIONS / 2, what="sharing")
        produce(config, rows[300:], config.topics.predictions)
        produce(config, labels[300:], config.topics.labels)
        want = expected(config, rows, labels)
        wait(lambda: published(reader) == want, what="agreement")
    finally:
        stopped = [first.stop(30.0), second.stop(30.0)]
    assert stopped == [True, True]
    assert (first.failure, second.failure) == (None, None)


def test_dead_letters_say_why_and_where(config: ProfilerConfig, store: str) -> None:
    producer = Producer(dict(config.kafka))
    bad = {b"{": "invalid_json", b"": "empty", b'{"prediction_id":"a","model":"m"}': "missing_field"}
    for value in bad:
        producer.produce(config.topics.predictions, value, partition=2)
    producer.flush(10)
    reader = Reader(config, config.topics.dead_letters)
    thread = profiler(config, store)
    thread.start()
    try:
        wait(lambda: reader.read() or len(reader.raw) == len(bad), what="dead letters")
    finally:
        assert thread.stop(30.0)
    letters = [(dict(m.headers()), m.value()) for m in reader.raw]
    assert [headers["reason"].decode() for headers, _ in letters] == list(bad.values())
    assert [headers["offset"] for headers, _ in letters] == [b"0", b"1", b"2"]
    assert {headers["topic"].decode() for headers, _ in letters} == {config.topics.predictions}
    assert [value or b"" for _, value in letters] == list(bad)


def test_it_waits_while_the_store_is_away_and_goes_on_without_a_loss(config: ProfilerConfig, tmp_path: Path) -> None:
    rows, labels = random_logs(4, predictions=400)
    server = RedisServer(tmp_path / "valkey", valkey_binary()).start()
    server.kill()
    reader = Reader(config, config.topics.profiles)
    cadence = dataclasses.replace(FAST, store_deadline_seconds=0.2)
    thread = profiler(dataclasses.replace(config, cadence=cadence), server.url)
    thread.start()
    try:
        wait(lambda: len(thread.status.waiting) == PARTITIONS, what="waiting for the store")
        server.start()
        wait(lambda: len(thread.status.shards) == PARTITIONS, what="assignment")
        produce(config, rows[:100], config.topics.predictions)
        wait(reader.profiles, what="publishing")
        server.kill()
        produce(config, rows[100:], config.topics.predictions)
        produce(config, labels, config.topics.labels)
        wait(lambda: thread.status.held == "store", what="holding still")
        server.start()
        want = expected(config, rows, labels)
        wait(lambda: published(reader) == want, what="agreement")
        assert thread.status.totals.store_failures > 0
    finally:
        assert thread.stop(30.0)
        server.kill()
    assert thread.failure is None


def test_a_thread_that_hangs_is_found_by_the_watchdog(config: ProfilerConfig, store: str) -> None:
    rows, _ = random_logs(4, predictions=20)
    produce(config, rows, config.topics.predictions)
    shared, hang, go_on = catalog(), threading.Event(), threading.Event()

    def ask() -> Catalog:
        if hang.is_set():
            go_on.wait(120)
        return shared

    thread = ProfilerThread(config, redis.Redis.from_url(store, socket_timeout=2), ask)
    watchdog = Watchdog([thread.pulse], limit_seconds=3.0)
    assert watchdog.look() is None  # not begun
    thread.start()
    try:
        wait(lambda: thread.status.shards != (), what="the shards")
        hang.set()
        wait(lambda: watchdog.look() is not None, what="the watchdog's notice")
        assert thread.pulse.silent_seconds > 3.0
    finally:
        go_on.set()
        assert thread.stop(20.0)
    assert watchdog.look() is None  # ended in order


def test_a_fenced_owner_writes_nothing_and_takes_over_anew(config: ProfilerConfig, store: str) -> None:
    rows, _ = random_logs(5, predictions=100)
    reader = Reader(config, config.topics.profiles)
    thread = profiler(config, store)
    thread.start()
    try:
        wait(lambda: len(thread.status.shards) == PARTITIONS, what="assignment")
        thief = SyncRunner(redis.Redis.from_url(store), ShardName(config.topics.prefix, "profiler", 1))
        stolen = thief.take_over().epoch
        produce(config, rows, config.topics.predictions)
        want = expected(config, rows, [])
        wait(lambda: thread.status.totals.fenced == 1, what="fencing")
        wait(lambda: published(reader) == want, what="agreement")
        wait(lambda: [s.epoch for s in thread.status.shards if s.shard == 1 and s.epoch > stolen], what="a new epoch")
    finally:
        assert thread.stop(30.0)


def test_a_quiet_shard_goes_on_by_the_clock(config: ProfilerConfig, store: str) -> None:
    idle = dataclasses.replace(config, shard=dataclasses.replace(config.shard, idle_ms=300))
    reader = Reader(config, config.topics.profiles)
    thread = profiler(idle, store)
    thread.start()
    try:
        wait(lambda: reader.profiles() or any(_idle(report) for report in reader.reports), what="silence")
        first = next(report for report in reader.reports if _idle(report)).shards[0].predictions_ms
        wait(lambda: reader.profiles() or reader.reports[-1].shards[0].predictions_ms > first, what="time passing")
        assert abs(reader.reports[-1].shards[0].predictions_ms - time.time() * 1000) < 60_000
    finally:
        assert thread.stop(30.0)


def _idle(report: WatermarkReport) -> bool:
    return len(report.shards) == PARTITIONS and all(shard.idle for shard in report.shards)


def test_profiles_never_run_too_far_ahead_of_their_readers(config: ProfilerConfig, store: str) -> None:
    bound = 40_000
    rows, labels = random_logs(6, predictions=150)
    produce(config, rows, config.topics.predictions)
    produce(config, labels, config.topics.labels)
    thread = profiler(dataclasses.replace(config, max_unread_bytes=bound, max_backlog_bytes=1), store)
    group = Consumer({**config.kafka, "group.id": config.monitor_group, "enable.auto.commit": False})
    places = [TopicPartition(config.topics.profiles, partition, 0) for partition in range(PARTITIONS)]
    group.assign(places)
    reader = Reader(config, config.topics.profiles)
    thread.start()
    try:
        wait(lambda: thread.status.held == "backlog", what="holding still")
        time.sleep(0.5)
        reader.read()
        sizes = defaultdict(int)
        for message in reader.raw:
            sizes[message.partition()] += len(message.value())
        assert bound / 2 < max(sizes.values()) <= bound
        want = expected(config, rows, labels)

        def read_and_commit() -> bool:
            for message in group.consume(100, 0.05):
                group.commit(message, asynchronous=False)
            return published(reader) == want

        wait(read_and_commit, what="agreement")
    finally:
        assert thread.stop(30.0)
        group.close()


def test_state_of_another_log_is_refused(config: ProfilerConfig, store: str) -> None:
    runner = SyncRunner(redis.Redis.from_url(store), ShardName(config.topics.prefix, "profiler", 0))
    runner.take_over()
    runner.commit(Delta(offsets={PREDICTIONS: 1_000}))
    thread = profiler(config, store)
    thread.start()
    assert thread.join(20)
    assert isinstance(thread.failure, LostStateError)
    assert "was the topic created anew" in str(thread.failure)


def test_a_broker_that_is_away_is_said_in_a_sentence(config: ProfilerConfig, store: str) -> None:
    thread = profiler(dataclasses.replace(config, kafka={"bootstrap.servers": "127.0.0.1:1", "log_level": "0"}), store)
    thread.start()
    assert thread.join(30)
    assert isinstance(thread.failure, UnreachableError)
    assert thread.stop(0)
