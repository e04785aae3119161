"""Producers with transactions: the markers at a partition's end are never delivered, and nobody waits for them."""

import time
import uuid

import orjson
import pytest
from confluent_kafka import Producer

from stream.definitions.newest_event import newest_event_ms
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from stream.profiler.config import ProfilerConfig
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.inputs import Inputs
from tidegauge.codec import encode_profiles
from tidegauge.profiles import ShardWatermark, WatermarkReport

pytestmark = pytest.mark.integration

BOTH = (PREDICTIONS, LABELS)


@pytest.fixture
def names() -> TopicNames:
    return TopicNames(f"t{uuid.uuid4().hex[:8]}.")


@pytest.fixture
def kafka(bootstrap: str, names: TopicNames) -> dict[str, str]:
    settings = {"bootstrap.servers": bootstrap}
    create_topics(settings, list(topic_specs(names, partitions=1, profile_partitions=1)), replication=1)
    return settings


def send(kafka: dict[str, str], topics: tuple[str, ...], first: int, *, commit: bool = True) -> None:
    """Write three events to each topic in one transaction, which is committed or aborted."""
    producer = Producer({**kafka, "transactional.id": uuid.uuid4().hex})
    producer.init_transactions(30)
    producer.begin_transaction()
    for topic in topics:
        for at in range(first, first + 3):
            event = {"prediction_id": str(at), "model": "m", "features": {}, "prediction": 0.5, "timestamp_ms": at}
            producer.produce(topic, orjson.dumps(event), partition=0)
    assert producer.flush(10) == 0
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def read(inputs: Inputs, wanted: int, before: dict[str, int]) -> dict[str, int]:
    """Read until `wanted` more messages of each topic came and nothing is unread; returns the next offsets."""
    offsets = dict(before)
    count = dict.fromkeys(BOTH, 0)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for (role, _), batch in inputs.read(100, 0.05).items():
            count[role] += len(batch.offsets)
            offsets[role] = batch.offsets[-1] + 1
        if count == dict.fromkeys(BOTH, wanted) and all(inputs.unread(r, 0, offsets.get(r)) == 0 for r in BOTH):
            return offsets
    pytest.fail(f"{count} came, unread are {[inputs.unread(role, 0, offsets.get(role)) for role in BOTH]}")


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_markers_at_the_end_are_not_unread(kafka: dict[str, str], names: TopicNames, protocol: str) -> None:
    config = ProfilerConfig(kafka=kafka, topics=names, group=f"{names.prefix}profiler", group_protocol=protocol)
    begun: dict[str, int] = {}
    topics = (names.predictions, names.labels)
    send(kafka, topics, 10)
    inputs = Inputs(config, lambda shards: dict.fromkeys(shards, begun), lambda shards, lost: None)
    try:
        offsets = read(inputs, 3, {})
        assert offsets == dict.fromkeys(BOTH, 3)
        send(kafka, topics, 20, commit=False)
        assert read(inputs, 0, offsets) == offsets  # nothing of what was aborted
        send(kafka, topics, 30)
        offsets = read(inputs, 3, offsets)
        assert offsets == dict.fromkeys(BOTH, 11)  # three, a marker, three aborted, a marker, three
        inputs.hold({(role, 0) for role in BOTH})
        inputs.read(100, 0.05)
        inputs.hold(set())
        inputs.start({0: offsets})  # begun anew behind the last record: only the marker is left
        assert [inputs.unread(role, 0, 11) for role in BOTH] == [1, 1]
        deadline = time.monotonic() + 20
        while any(inputs.unread(role, 0, 11) for role in BOTH):
            assert inputs.read(100, 0.05) == {}
            assert time.monotonic() < deadline
    finally:
        inputs.close()


def test_an_open_transaction_keeps_nobody_waiting(kafka: dict[str, str], names: TopicNames) -> None:
    config = ProfilerConfig(kafka=kafka, topics=names, group=f"{names.prefix}profiler")
    inputs = Inputs(config, lambda shards: {shard: {} for shard in shards}, lambda shards, lost: None)
    producer = Producer({**kafka, "transactional.id": uuid.uuid4().hex})
    try:
        send(kafka, (names.predictions, names.labels), 10)
        offsets = read(inputs, 3, {})
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(names.labels, b"{}", partition=0)
        assert producer.flush(10) == 0
        deadline = time.monotonic() + 20
        while inputs.unread(LABELS, 0, offsets[LABELS]) != 1:
            assert inputs.read(100, 0.05) == {}
            assert time.monotonic() < deadline
        assert inputs.caught_up(LABELS, 0, offsets[LABELS])
        producer.commit_transaction(30)
        while not (batches := inputs.read(100, 0.05)):
            assert time.monotonic() < deadline
        assert batches[LABELS, 0].offsets == [4]
    finally:
        inputs.close()


def test_the_newest_event_is_found_before_a_marker(kafka: dict[str, str], names: TopicNames) -> None:
    report = encode_profiles(WatermarkReport("w", 1, [ShardWatermark(0, 1, 1, 5, 5, 7)]))
    producer = Producer(kafka)
    producer.produce(names.profiles, report, partition=0)
    assert producer.flush(10) == 0
    send(kafka, (names.predictions,), 10)
    assert newest_event_ms(kafka, names) == 12
    for first in range(20, 50, 3):  # more than are looked at
        send(kafka, (names.predictions,), first, commit=False)
    assert newest_event_ms(kafka, names) == 7
