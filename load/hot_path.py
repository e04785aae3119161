"""The hot path on a real Kafka and a real Redis: `make bench ARGS="--events 200000"`.

In one run, on the same messages: (a) consume, (b) consume + typed decode, the limit, (c) the whole profiler: decode,
validation, profiles, label join, checkpoints, publishing. CPU microseconds per event (process, all threads) and
events/s; the last line is the ratio c/b. Medians over the repeats.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from confluent_kafka import Consumer, Producer, TopicPartition
from servers import kafka, redis
from servers.kafka import KafkaBroker
from servers.redis import RedisServer

from load.events import CATEGORICAL, NUMERIC, Encoded, encode_events
from stream.checkpoint import connect
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.profiler import ProfilerConfig, ProfilerThread
from stream.profiler.config import ShardConfig
from tidegauge import decode_label_message, decode_prediction_message
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid

PARTITIONS = 4


def catalog() -> Catalog:
    """Declare the standard model, with full grids."""
    edges = [i / 40 - 3.2 for i in range(257)]
    grids: dict[str, FeatureGrid] = {f"numeric_feature_{i}": NumericGrid(edges) for i in range(NUMERIC)}
    grids |= {f"category_{i}": CategoricalGrid([f"value-{j}" for j in range(10)]) for i in range(CATEGORICAL)}
    grids["__score__"] = NumericGrid([i / 256 for i in range(257)])
    definition = Definition(
        model="standard", task="binary", positive="1", segments=["region"], windows=["1h"], label_horizon="1d"
    )
    return Catalog({"standard": [compile_model(definition, grids)]})


def cpu_seconds() -> float:
    """CPU time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(work: Callable[[], None], events: int) -> tuple[float, float]:
    """Return CPU microseconds per event, and events per second."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    work()
    return (cpu_seconds() - cpu) / events * 1e6, events / (time.perf_counter() - wall)


def fill(settings: dict[str, str], names: TopicNames, events: Encoded) -> None:
    """Create the topics and publish everything, partitioned as any client must."""
    create_topics(
        settings, list(topic_specs(names, partitions=PARTITIONS, profile_partitions=PARTITIONS)), replication=1
    )
    producer = Producer({**settings, "partitioner": "murmur2_random", "linger.ms": 50, "compression.type": "lz4",
                         "queue.buffering.max.messages": 2_000_000})  # fmt: skip
    for topic, messages in ((names.predictions, events.predictions), (names.labels, events.labels)):
        for key, value in messages:
            producer.produce(topic, value, key)
            producer.poll(0)
    producer.flush(120)


def consume(settings: dict[str, str], names: TopicNames, count: int, *, decode: bool) -> None:
    """Read every message once, in micro-batches; with `decode` into typed events."""
    consumer = Consumer({
        **settings, "group.id": uuid.uuid4().hex, "fetch.queue.backoff.ms": "10", "queued.min.messages": "20000"
    })  # fmt: skip
    topics = ((names.predictions, decode_prediction_message), (names.labels, decode_label_message))
    consumer.assign([TopicPartition(topic, n, 0) for topic, _ in topics for n in range(PARTITIONS)])
    decoders = dict(topics)
    seen = 0
    while seen < count:
        for message in consumer.consume(5_000, 1.0):
            value = message.value()
            if decode and value is not None:
                decoders[message.topic() or ""](value)
            seen += 1
    consumer.close()


def profile(settings: dict[str, str], names: TopicNames, url: str, count: int) -> None:
    """Run the whole profiler over the same messages, until all are in a checkpoint."""
    shared = catalog()
    config = ProfilerConfig(
        kafka=settings,
        topics=names,
        group=uuid.uuid4().hex,
        shard=ShardConfig(idle_ms=None),
    )
    thread = ProfilerThread(config, connect(url), lambda: shared)
    thread.start()
    while sum(s.predictions.messages + s.labels.messages for s in thread.status.shards) < count:
        if thread.failure is not None:
            raise thread.failure
        time.sleep(0.02)
    thread.stop(10.0)


def repeat(settings: dict[str, str], url: str, events: Encoded, rows: dict[str, list[tuple[float, float]]]) -> None:
    """Measure everything once, on topics of its own: state in Redis goes by prefix, so it starts from nothing."""
    names = TopicNames(f"{uuid.uuid4().hex[:8]}.")
    count = len(events.predictions) + len(events.labels)
    fill(settings, names, events)
    rows["consume"].append(measure(lambda: consume(settings, names, count, decode=False), count))
    rows["consume + typed decode"].append(measure(lambda: consume(settings, names, count, decode=True), count))
    rows["profiler"].append(measure(lambda: profile(settings, names, url, count), count))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="predictions, and as many labels")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for reason in (kafka.missing(), redis.missing()):
        if reason:
            sys.exit(f"this needs a real server: {reason}")
    events = encode_events(given.events)
    rows: dict[str, list[tuple[float, float]]] = {"consume": [], "consume + typed decode": [], "profiler": []}
    with tempfile.TemporaryDirectory() as folder:
        broker = KafkaBroker(Path(folder) / "kafka").start()
        store = RedisServer(Path(folder) / "redis", str(redis.redis_binary())).start()
        settings = {"bootstrap.servers": broker.bootstrap}
        try:
            for _ in range(given.repeats):
                repeat(settings, store.url, events, rows)
        finally:
            store.kill()
            broker.kill()
    print(f"{events.bytes_per_prediction:.0f} B a prediction, {given.events:,} predictions and labels")
    medians = {}
    for name, figures in rows.items():
        medians[name] = statistics.median(cpu for cpu, _ in figures)
        spread = f"{min(c for c, _ in figures):.2f}-{max(c for c, _ in figures):.2f}"
        rate = statistics.median(rate for _, rate in figures)
        print(f"{name:24} {medians[name]:6.2f} us/event CPU ({spread})   {rate:10,.0f} events/s")
    print(f"profiler / (consume + typed decode) = {medians['profiler'] / medians['consume + typed decode']:.2f}")


if __name__ == "__main__":
    main()
