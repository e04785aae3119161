"""State that was flushed and rebuilt on real servers: the alerts are those of a log that was read without a loss."""

import re
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest
import redis
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from integration.end_to_end import topics
from integration.end_to_end.cluster import PROFILE_PARTITIONS, Cluster
from integration.rebuilding import story

from stream.checkpoint import ShardName
from stream.cli.rebuild import rebuild
from stream.errors import TidegaugeError
from tidegauge import Alert, decode_alert

pytestmark = pytest.mark.integration

TOLD = [message for message in story.messages() if message.at_ms < story.TOLD_AT]
BEFORE = [message for message in story.messages() if story.TOLD_AT <= message.at_ms < story.LOST_AT]
AFTER = [message for message in story.messages() if message.at_ms >= story.LOST_AT] + story.end()


class World:
    """One installation that reads the story."""

    def __init__(self, bootstrap: str, redis_url: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.prefix = f"rebuild-{uuid.uuid4().hex[:8]}."
        self.cluster = Cluster(bootstrap, redis_url, folder, self.prefix).create()
        self.store = redis.Redis.from_url(redis_url)
        story.keep_their_times(bootstrap, self.prefix)
        (folder / "pump.yaml").write_text(story.DEFINITION)
        story.reference_frame().to_parquet(folder / "healthy.parquet")
        self.cluster.apply("pump.yaml")
        self.config = str(folder / "tidegauge.yaml")

    def worker(self, *flags: str) -> Popen[str]:
        number = len(self.cluster.processes)
        config = self.cluster._config(f"worker-{number}.yaml", 0)
        return self.cluster.start(f"worker-{number}.log", *self.cluster._tidegauge("worker", "-c", str(config), *flags))

    def command(self, *flags: str) -> str:
        """Run the command as a process; what it prints."""
        return self.cluster.command("rebuild", "-c", self.config, *flags)

    def refused(self, time_: str) -> tuple[int, str]:
        """Run the command in this process, which need not start then; the exit code and why it ends."""
        with pytest.raises(TidegaugeError) as told:
            rebuild(from_=time_, config=Path(self.config))
        return told.value.exit_code, str(told.value)

    def missed(self) -> None:
        """Wait until the group has missed a worker that ended without leaving it."""
        self._wait("the end of the session", lambda: "stop all workers" not in self.refused("2100-01-01")[1])

    def produce(self, messages: list[story.Message]) -> None:
        story.produce(self.bootstrap, self.prefix, messages)

    def drain(self, *, committed: bool = False) -> None:
        """Wait until all was read, judged and told; `committed`: and Kafka has the offsets and a snapshot, too."""
        self._wait("reading", self._all_read)
        self._wait("publishing", lambda: not self._unpublished())
        if committed:
            self._wait("the advisory commits", self._committed)
        # Of the next two watermark reports the second was certainly made after all of it was there.
        told = [self._end("profiles", number) + 2 for number in range(PROFILE_PARTITIONS)]
        self._wait("judging", lambda: all(self._judged(number) >= end for number, end in enumerate(told)))
        self._wait("telling", lambda: not self._outbox())
        if committed:  # it goes out when all that was decided before it has arrived
            self._wait("a snapshot", lambda: topics.read(self.bootstrap, f"{self.prefix}history", PROFILE_PARTITIONS))

    def stop(self, process: Popen[str]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, self.logs()

    def flush(self) -> None:
        for key in self.store.scan_iter(f"*tidegauge:{self.prefix}*"):
            self.store.delete(key)

    def alerts(self) -> list[Alert]:
        """Return every transition in the topic, repeats too."""
        found = topics.read(self.bootstrap, f"{self.prefix}alerts", PROFILE_PARTITIONS)
        return [alert for record in found if (alert := decode_alert(record.value)).model == "pump"]

    def transitions(self) -> list[tuple[str, int]]:
        return sorted((alert.alert_id, alert.seq) for alert in self.alerts())

    def starts(self, role: str) -> list[int]:
        """Return from which offset each shard is read next."""
        return [int(self.store.hget(shard.meta, f"offset:{role}") or -1) for shard in self._profilers]

    @property
    def _profilers(self) -> list[ShardName]:
        return [ShardName(self.prefix, "profiler", number) for number in range(story.PARTITIONS)]

    def logs(self) -> str:
        return "\n".join(self.cluster.log(f"worker-{n}.log") for n in range(len(self.cluster.processes)))

    def _all_read(self) -> bool:
        return all(
            self.starts(role)[number] >= self._end(role, number)
            for role in ("predictions", "labels")
            for number in range(story.PARTITIONS)
        )

    def _unpublished(self) -> list[str]:
        return [shard.unpublished for shard in self._profilers if self.store.hlen(shard.unpublished)]

    def _judged(self, number: int) -> int:
        name = ShardName(self.prefix, "monitor", number)
        return int(self.store.hget(name.meta, f"offset:{self.prefix}profiles") or -1)

    def _end(self, role: str, number: int) -> int:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "ends"})
        try:
            place = TopicPartition(f"{self.prefix}{role}", number)
            return int(consumer.get_watermark_offsets(place, timeout=10)[1])
        finally:
            consumer.close()

    def _committed(self) -> bool:
        group = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}{self.prefix}workers"})
        places = [TopicPartition(f"{self.prefix}predictions", n) for n in range(story.PARTITIONS)]
        try:
            return all(place.offset > 0 for place in group.committed(places, timeout=5))
        finally:
            group.close()

    def _outbox(self) -> list[bytes]:
        names = [ShardName(self.prefix, "monitor", number) for number in range(PROFILE_PARTITIONS)]
        return [field for name in names for field in self.store.hkeys(name.fields) if field.startswith(b"out|")]

    def _wait(self, what: str, done: Callable[[], object], seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            self.cluster.check()
            assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s\n{self.logs()}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def make(
    bootstrap: str, real_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], World]]:
    worlds: list[World] = []

    def new() -> World:
        worlds.append(World(bootstrap, real_redis_url, tmp_path_factory.mktemp("rebuild")))
        return worlds[-1]

    yield new
    for world in worlds:
        world.cluster.stop()
        world.store.close()


@pytest.fixture(scope="module")
def undisturbed(make: Callable[[], World]) -> World:
    world = make()
    world.produce(TOLD + BEFORE + AFTER)
    process = world.worker()
    world.drain()
    world.stop(process)
    return world


def test_the_story_has_what_the_test_is_about(undisturbed: World) -> None:
    alerts = undisturbed.alerts()
    seen = {
        (bool(a.decided_at_ms > story.MIDNIGHT) + bool(a.decided_at_ms > story.LOST_AT), a.alert_id): a.kind
        for a in alerts
    }
    ids = [{alert_id for when, alert_id in seen if when == period} for period in range(3)]
    assert ids[0] & ids[2], "an episode that began before the snapshot ends after the loss"
    assert ids[1] & ids[2], "one that began between snapshot and loss ends after the loss"
    assert {alert.kind for alert in alerts} >= {"features", "performance", "errors"}
    assert {finding.detector for alert in alerts for finding in alert.findings} >= {"cusum", "burn_rate"}


def test_lost_state_is_rebuilt_and_nothing_is_alerted_twice(
    make: Callable[[], World], undisturbed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make()
    world.produce(TOLD)
    process = world.worker()
    world.drain(committed=True)
    world.produce(BEFORE)
    world.drain()
    code, says = world.refused("1970-01-01")
    assert (code, "stop all workers first" in says) == (2, True), says
    world.stop(process)
    code, says = world.refused("1970-01-01")
    assert (code, "Redis holds state of 6 of 6 shards and partitions" in says) == (2, True), says
    world.flush()
    ended = world.worker()
    assert ended.wait(60) == 4
    world.cluster.processes.remove(ended)
    world.missed()
    code, says = world.refused("2100-01-01")
    assert (code, "too late: model pump needs the log from" in says) == (2, True), says
    assert "label horizon 1h and longest window 6h" in says
    latest = re.findall(r"needs the log from (\S+) on", says)[0]
    rebuild(from_=latest, config=Path(world.config), dry_run=True)
    says = capsys.readouterr().out
    assert (f"latest --from: {latest}" in says, "dry run" in says) == (True, True), says
    assert world.starts("predictions") == [-1] * story.PARTITIONS

    told = world.transitions()
    world.command("--from", latest)
    assert min(world.starts("predictions") + world.starts("labels")) > 100, "the log is read from the middle"
    again = world.worker()
    world.drain()
    assert world.transitions() == told
    world.produce(AFTER)
    world.drain()
    world.stop(again)
    assert world.transitions() == undisturbed.transitions()

    tells_again_after_a_cold_start(world)
    refuses_a_log_that_is_too_short(world, latest)


def tells_again_after_a_cold_start(world: World) -> None:
    """The comparison can fail: what only begins anew repeats itself."""
    told = world.transitions()
    world.flush()
    process = world.worker("--cold-start")
    world.drain()
    world.stop(process)
    assert len(world.transitions()) > len(told)


def refuses_a_log_that_is_too_short(world: World, latest: str) -> None:
    cut = [TopicPartition(f"{world.prefix}predictions", 1, world.starts("predictions")[1] - 10)]
    admin = AdminClient({"bootstrap.servers": world.bootstrap})
    for future in admin.delete_records(cut).values():
        future.result(20)
    code, says = world.refused(latest)
    assert (code, "the log is too short" in says, "predictions[1] begins at" in says) == (4, True, True), says
