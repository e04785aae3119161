"""State that is lost or strange, to workers on real servers: one clear line, exit code 4, no silent reset.

Each test has an installation of its own. What happens to it happens to its own topics and keys alone.
"""

import signal
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from integration.end_to_end.cluster import PROFILE_PARTITIONS, Cluster
from integration.end_to_end.topics import PARTITIONS
from integration.rubbish.cases import label, prediction

from stream.checkpoint import ShardName
from tidegauge import Alert, AlertStream

pytestmark = pytest.mark.integration
ROWS = 40


class World:
    """One installation, its servers, and what may befall it."""

    def __init__(self, bootstrap: str, redis_url: str, folder: Path) -> None:
        self.prefix = f"lost-{uuid.uuid4().hex[:8]}."
        self.cluster = Cluster(bootstrap, redis_url, folder, self.prefix, extra="unowned: 3s\n").create()
        self.store = redis.Redis.from_url(redis_url)
        self.kafka = {"bootstrap.servers": bootstrap}
        self.admin = AdminClient(self.kafka)
        self.sent = 0

    def worker(self, *flags: str) -> Popen[str]:
        number = len(self.cluster.processes)
        config = self.cluster._config(f"worker-{number}.yaml", self.port)
        command = self.cluster._tidegauge("worker", "-c", str(config), *flags)
        return self.cluster.start(f"worker-{number}.log", *command)

    @property
    def port(self) -> int:
        if not hasattr(self, "_port"):
            from servers.ports import free_ports  # noqa: PLC0415

            self._port = free_ports(1)[0]
        return int(self._port)

    def send(self) -> None:
        """Rows and labels for every partition."""
        producer, now_ms = Producer({**self.kafka, "linger.ms": 5}), time.time_ns() // 1_000_000
        for number in range(ROWS):
            name = f"{self.sent}-{number}"
            place = number % PARTITIONS
            row = prediction(now_ms, prediction_id=name, model="m")
            producer.produce(f"{self.prefix}predictions", row, partition=place)
            producer.produce(f"{self.prefix}labels", label(now_ms, prediction_id=name, model="m"), partition=place)
        assert producer.flush(20) == 0
        self.sent += 1

    def meta(self, kind: str, shard: int) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = self.store.hgetall(self.name(kind, shard).meta)
        return found

    def name(self, kind: str, shard: int) -> ShardName:
        return ShardName(self.prefix, "profiler" if kind == "profiler" else "monitor", shard)

    def wait(self, what: str, done: Callable[[], bool], seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s\n{self.logs()}"
            time.sleep(0.1)

    def written(self, rows: int = ROWS // PARTITIONS) -> bool:
        """Whether every shard's checkpoint says that so many rows were read."""
        stored = [int(self.meta("profiler", n).get(b"offset:predictions", b"-1")) for n in range(PARTITIONS)]
        topic = f"offset:{self.prefix}profiles".encode()
        monitors = [int(self.meta("monitor", n).get(topic, b"0")) for n in range(PROFILE_PARTITIONS)]
        return stored == [rows] * PARTITIONS and min(monitors) > 0

    def committed(self) -> bool:
        """Whether the group has told Kafka, too."""
        group = Consumer({**self.kafka, "group.id": f"{self.prefix}{self.prefix}workers"})
        places = [TopicPartition(f"{self.prefix}predictions", n) for n in range(PARTITIONS)]
        try:
            return all(place.offset > 0 for place in group.committed(places, timeout=5))
        finally:
            group.close()

    def work(self) -> Popen[str]:
        """A worker that has counted something everywhere."""
        process = self.worker()
        self.send()
        self.wait("counting", self.written)
        return process

    def stop(self, process: Popen[str]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    def flush(self) -> None:
        for key in self.store.scan_iter(f"*tidegauge:{self.prefix}*"):
            self.store.delete(key)

    def ends(self, process: Popen[str], *says: str) -> None:
        """The process ends with exit code 4, and a critical line says why."""
        assert process.wait(60) == 4, self.logs()
        log = self.cluster.log(f"worker-{self.cluster.processes.index(process)}.log")
        critical = [line for line in log.splitlines() if "CRITICAL" in line]
        assert any(all(text in line for text in says) for line in critical), log
        assert "Traceback" not in log

    def logs(self) -> str:
        return "\n".join(self.cluster.log(f"worker-{n}.log") for n in range(len(self.cluster.processes)))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def alerts(self, enough: Callable[[list[Alert]], bool], seconds: float = 40.0) -> list[Alert]:
        found: list[Alert] = []
        deadline = time.monotonic() + seconds
        while not enough(found):
            assert time.monotonic() < deadline, f"{found}\n{self.logs()}"
            stream = AlertStream(self.kafka, prefix=self.prefix, start="earliest", idle_seconds=1.0)
            found = [alert for alert in stream if alert.kind == "tidegauge.state"]
            stream.close()
        return found


@pytest.fixture
def world(bootstrap: str, real_redis_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(bootstrap, real_redis_url, tmp_path)
    try:
        yield world
    finally:
        world.cluster.stop()
        world.store.close()


def test_a_flushed_store_ends_every_worker_until_a_cold_start_is_asked_for(world: World) -> None:
    running = world.work()
    world.wait("the advisory commit", world.committed)
    world.flush()
    world.send()
    world.ends(running, "Redis", "flushed", "--cold-start")
    world.ends(world.worker(), "its state is lost", "--cold-start")
    again = world.worker("--cold-start")
    world.wait("counting anew", lambda: world.written(2 * ROWS // PARTITIONS))
    told = world.alerts(lambda found: sum(a.model == "*" and not a.version for a in found) >= 1)
    assert all(alert.status == "firing" for alert in told)
    assert any("went on without what is lost" in alert.summary for alert in told)
    world.wait("the metric", lambda: 'tidegauge_shard_went_on_without{shard="0"} 1.0' in world.metrics())
    world.stop(again)
    after = world.worker()
    world.send()
    world.wait("going on without the flag", lambda: world.written(3 * ROWS // PARTITIONS))
    world.stop(after)


def damage(world: World) -> Callable[[], object]:
    name = world.name("profiler", 2)
    field = next(field for field in world.store.hkeys(name.fields) if field.startswith(b"p|"))
    good = world.store.hget(name.fields, field)
    world.store.hset(name.fields, field, b"\xffdamaged")
    return lambda: world.store.hset(name.fields, field, good)


def write_with_a_newer_release(world: World) -> Callable[[], object]:
    world.store.hset(world.name("monitor", 1).meta, "format", 99)
    return lambda: world.store.hset(world.name("monitor", 1).meta, "format", 1)


def evict(world: World) -> Callable[[], object]:
    key = world.name("monitor", 0).fields
    kept = world.store.dump(key)
    world.store.delete(key)
    return lambda: world.store.restore(key, 0, kept)


def add_partitions(world: World) -> Callable[[], object]:
    for name in ("predictions", "labels"):
        [future] = world.admin.create_partitions([NewPartitions(f"{world.prefix}{name}", PARTITIONS + 1)]).values()
        future.result(20)
    return lambda: None


def test_what_happened_while_no_worker_ran_is_said_at_the_start(world: World) -> None:
    world.stop(world.work())
    for happen, says in (
        (damage, "is it damaged"),
        (write_with_a_newer_release, "run the release that wrote it"),
        (evict, "noeviction"),
        (add_partitions, f"has {PARTITIONS + 1} partitions, and had {PARTITIONS}"),
    ):
        undo = happen(world)
        world.ends(world.worker(), says)
        undo()


def test_profiles_that_expired_unread_are_said(world: World) -> None:
    world.stop(world.work())
    producer, topic = Producer(world.kafka), f"{world.prefix}profiles"
    producer.produce(topic, b"the last profile before the monitors were away for a day", partition=0)
    assert producer.flush(20) == 0
    for future in world.admin.delete_records([TopicPartition(topic, 0, -1)]).values():
        future.result(20)
    world.ends(world.worker(), "profiles from", "expired before they were read")


def test_a_topic_created_anew_under_a_worker_ends_it_and_every_next_one(world: World) -> None:
    running = world.work()
    topic = f"{world.prefix}predictions"
    world.admin.delete_topics([topic])[topic].result(20)
    world.wait("deletion", lambda: topic not in world.admin.list_topics(timeout=10).topics)
    world.admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(20)
    world.ends(running, "predictions", "was the topic created anew")
    world.ends(world.worker(), "predictions", "was the topic created anew")


def test_a_shard_that_nobody_owns_is_alerted_and_so_is_its_return(world: World) -> None:
    running = world.work()
    idler = Consumer(
        {
            **world.kafka,
            "group.id": f"{world.prefix}{world.prefix}workers",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6_000,
        }
    )
    idler.subscribe([f"{world.prefix}predictions", f"{world.prefix}labels"])
    try:
        world.wait("a member that takes shards and does nothing", lambda: idler.poll(0.2) or bool(idler.assignment()))
        mine = {place.partition for place in idler.assignment()}

        def told(found: list[Alert]) -> bool:
            idler.poll(0.1)
            return any("nobody owns it" in alert.summary for alert in found)

        [alert] = world.alerts(told)[:1]
        assert (alert.severity, alert.status, alert.seq) == ("error", "firing", 1)
        assert all(f"shard {shard}" in alert.summary for shard in mine)
        assert f"tidegauge_shards_unowned {len(mine)}.0" in world.metrics()
    finally:
        idler.close()
    back = world.alerts(lambda found: any(alert.status == "resolved" for alert in found))
    assert back[-1].alert_id == alert.alert_id
    world.stop(running)
