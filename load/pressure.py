"""A worker under pressure: `make pressure`. Redis away, alerts and reports refused, a burst beyond what it can take.

A real Kafka, a real Redis and one worker as a process; events come at a steady rate throughout. One line per phase: the
worker's resident memory before, at most during and after it, unread messages, rebalances. It fails when memory passes
the bound, when the group rebalanced, or when the worker did not catch up.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from servers import kafka, redis
from servers.kafka import KafkaBroker
from servers.redis import RedisServer

from load.generate import PREDICTION, LoadSpec, Source
from load.generate.encode import LABEL, Encoded, Message
from load.resident import resident_bytes
from stream.demo.lag import LagMeter
from stream.kafka.topics import TopicNames

PARTITIONS = 4
BOUND_MB = 700
"""docs/memory.md: 250 MB to start with, 330 MB at most in buffers, and the state itself (here below 120 MB)."""


@dataclass
class Feed:
    """Sends seeded events at a rate, from a thread of its own; a burst goes in between as fast as it can."""

    bootstrap: str
    names: TopicNames
    events: Encoded
    rate: int
    sent: int = 0
    predictions: list[Message] = field(init=False)
    labels: list[Message] = field(init=False)
    stopped: threading.Event = field(default_factory=threading.Event)
    taking: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.predictions, self.labels = self.events.of(PREDICTION), self.events.of(LABEL)

    def run(self) -> None:
        """Send until stopped, or until the events are used up."""
        while not self.stopped.wait(0.1) and self.sent + self.rate < len(self.predictions):
            self.send(self.rate // 10)

    def send(self, count: int) -> None:
        """Send the next so many predictions and labels."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random",
                             "queue.buffering.max.messages": 2_000_000})  # fmt: skip
        with self.taking:
            start, self.sent = self.sent, self.sent + count
        for topic, messages in ((self.names.predictions, self.predictions), (self.names.labels, self.labels)):
            for message in messages[start : start + count]:
                producer.produce(topic, message.value, message.key)
        producer.flush(60)


@dataclass
class Worker:
    """One `tidegauge worker`, watched from outside."""

    folder: Path
    process: subprocess.Popen[str]

    @property
    def rss_mb(self) -> float:
        """Resident memory now."""
        return resident_bytes(self.process.pid) / (1 << 20)

    @property
    def takeovers(self) -> int:
        """How often a partition of `profiles` was taken over: more than at the start means a rebalance or a fence."""
        return (self.folder / "worker.log").read_text(encoding="utf-8").count("is owned from")


def phase(name: str, worker: Worker, lag: LagMeter, during: Callable[[], None]) -> tuple[float, int]:
    """Do something, then wait until everything is read; print and return the peak of memory and the takeovers."""
    before, owned, peaks = worker.rss_mb, worker.takeovers, [0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2) and worker.process.poll() is None:
            peaks[0] = max(peaks[0], worker.rss_mb)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started = time.monotonic()
    during()
    lasted = time.monotonic() - started
    left = lag.unread()
    # Half a second's worth may always be under way between the log's end and the last checkpoint.
    lag.wait_below(2_000, stop=lambda: worker.process.poll() is not None or time.monotonic() - started > lasted + 120)
    caught_up = time.monotonic() - started - lasted
    done.set()
    watcher.join()
    if worker.process.poll() is not None:
        raise SystemExit(f"{name}: the worker ended with {worker.process.returncode}")
    again = worker.takeovers - owned
    print(
        f"{name:34} {before:8.0f} {peaks[0]:8.0f} {worker.rss_mb:8.0f} {sum(left):10} {caught_up:9.1f} {again:10}",
        flush=True,
    )
    if max(lag.unread()) > 20_000:
        raise SystemExit(f"{name}: the worker did not catch up")
    return peaks[0], again


def refuse(bootstrap: str, topics: list[str], *, refused: bool) -> None:
    """Let the broker refuse writes: more replicas must be in step than there are."""
    entry = ConfigEntry("min.insync.replicas", "2" if refused else "1", incremental_operation=AlterConfigOpType.SET)
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry]) for topic in topics]
    admin = AdminClient({"bootstrap.servers": bootstrap})  # must outlive its answers
    for future in admin.incremental_alter_configs(resources).values():
        future.result(10)


def run(folder: Path, seconds: float, rate: int, burst: int) -> int:
    """Start everything, go through the phases; returns the exit code."""
    broker = KafkaBroker(folder / "kafka").start()
    store = RedisServer(folder / "redis", str(redis.redis_binary() or redis.valkey_binary())).start()
    names = TopicNames("p.")
    config = folder / "tidegauge.yaml"
    config.write_text(
        f"prefix: '{names.prefix}'\nidle: never\nweb: {{port: 0}}\n"
        f"kafka: {{bootstrap.servers: '{broker.bootstrap}'}}\nredis: {{url: '{store.url}'}}\n"
        f"topics: {{partitions: {PARTITIONS}, profile_partitions: 2}}\n"
    )
    (folder / "standard.yaml").write_text("model: standard\ntask: binary\npositive: '1'\nsegments: [region]\n")
    command = [sys.executable, "-m", "stream.cli.main"]
    for arguments in (("topics", "create"), ("apply", "-f", str(folder / "standard.yaml"))):
        subprocess.run([*command, *arguments, "-c", str(config)], check=True, stdout=subprocess.DEVNULL)
    events = Source(LoadSpec(per_second=rate)).all(int(rate * seconds * 6 + 2 * burst))
    feed = Feed(broker.bootstrap, names, events, rate)
    log = (folder / "worker.log").open("w", encoding="utf-8")
    process = subprocess.Popen([*command, "worker", "-c", str(config)], stdout=log, stderr=log, text=True)
    lag = LagMeter({"bootstrap.servers": broker.bootstrap}, store.url, names.prefix)
    feeding = threading.Thread(target=feed.run, daemon=True)
    try:
        return _phases(Worker(folder, process), lag, feed, feeding, broker.bootstrap, store, seconds, burst)
    finally:
        feed.stopped.set()
        process.terminate()
        process.wait(15)
        log.close()
        lag.close()
        store.kill()
        broker.kill()


def _phases(
    worker: Worker, lag: LagMeter, feed: Feed, feeding: threading.Thread, bootstrap: str, store: RedisServer,
    seconds: float, burst: int,
) -> int:  # fmt: skip
    def redis_away() -> None:
        store.kill()
        time.sleep(seconds)
        store.start()

    def redis_hangs() -> None:
        store.pause()
        time.sleep(seconds)
        store.resume()

    written = [feed.names.alerts, feed.names.reports, feed.names.profiles, feed.names.dead_letters]

    def kafka_refuses() -> None:
        refuse(bootstrap, written, refused=True)
        time.sleep(seconds)
        refuse(bootstrap, written, refused=False)

    print(f"{'RSS, MB':34} {'before':>8} {'most':>8} {'after':>8} {'unread':>10} {'caught up':>9} {'takeovers':>10}")
    feeding.start()
    start_peak, _ = phase("start and calm", worker, lag, lambda: time.sleep(max(seconds / 2, 8)))
    found = [
        phase(f"Redis killed for {seconds:g} s", worker, lag, redis_away),
        phase(f"Redis hangs for {seconds:g} s", worker, lag, redis_hangs),
        phase(f"outputs refused for {seconds:g} s", worker, lag, kafka_refuses),
        phase(f"a burst of {burst:,} events", worker, lag, lambda: feed.send(burst)),
    ]
    most = max(start_peak, *(peak for peak, _ in found))
    print(f"most {most:.0f} MB, bound {BOUND_MB} MB; takeovers after the start: {sum(again for _, again in found)}")
    return int(most > BOUND_MB or any(again for _, again in found))


def main() -> int:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each server is away")
    parser.add_argument("--rate", type=int, default=1_000, help="predictions a second, each with a label")
    parser.add_argument("--burst", type=int, default=150_000, help="predictions sent at once")
    options = parser.parse_args()
    if reason := kafka.missing():
        print(f"cannot run: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tidegauge-pressure-") as folder:
        return run(Path(folder), options.seconds, options.rate, options.burst)


if __name__ == "__main__":
    sys.exit(main())
