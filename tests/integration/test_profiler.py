"""The profiler on a real Kafka and a real Redis: both group protocols keep a shard's two partitions together."""

import dataclasses
import sys
import uuid
from pathlib import Path

import pytest
import redis

sys.path.insert(0, str(Path(__file__).parents[1] / "stream" / "profiler"))

from profiler_cluster import PARTITIONS, Reader, differences, expected, produce, published, tell_soon, wait
from profiler_logs import CONFIG, catalog, random_logs

from stream.kafka.topics import TopicNames, create_topics, topic_specs
from stream.profiler import Cadence, ProfilerConfig, ProfilerThread

pytestmark = pytest.mark.integration
FAST = Cadence(checkpoint_seconds=0.05, watermark_seconds=0.1, closing_seconds=0.02)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_workers_that_come_and_go_change_nothing(
    bootstrap: str, real_redis_url: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_soon(monkeypatch)
    names = TopicNames(f"t{uuid.uuid4().hex[:8]}.")
    kafka = {"bootstrap.servers": bootstrap}
    create_topics(kafka, list(topic_specs(names, partitions=PARTITIONS, profile_partitions=PARTITIONS)), replication=1)
    config = ProfilerConfig(
        kafka=kafka,
        topics=names,
        group=f"{names.prefix}profiler",
        group_protocol=protocol,
        cadence=FAST,
        shard=dataclasses.replace(CONFIG, publish_ms=200),
    )
    shared = catalog()
    threads = [
        ProfilerThread(
            dataclasses.replace(config, worker=f"w{i}"),
            redis.Redis.from_url(real_redis_url, socket_timeout=2),
            lambda: shared,
        )
        for i in range(3)
    ]
    rows, labels = random_logs(11, predictions=600)
    reader = Reader(config, names.profiles)
    threads[0].start()
    for part, change in enumerate((threads[1].start, threads[0].stop, threads[2].start)):
        size = 200 if part < 2 else None
        produce(config, rows[part * 200 :][:size], names.predictions)
        produce(config, labels[part * 200 :][:size], names.labels)
        change()
    alive = threads[1:]
    try:
        wait(lambda: [len(t.status.shards) for t in alive] == [PARTITIONS / 2] * 2, 120, what="sharing")
        want = expected(config, rows, labels)
        wait(lambda: published(reader) == want, 120, "agreement", lambda: differences(reader, want, threads))
    finally:
        assert all(thread.stop(30.0) for thread in alive)
    assert [thread.failure for thread in threads] == [None] * 3
