"""A profiler's surroundings in tests: producing logs, reading what it published, and what that must be."""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from profiler_logs import Event, catalog, comparable, without_empty

from stream.parts.keys import PartKey
from stream.profiler import ProfilerConfig, ProfilerThread, ShardCore, schedule
from stream.profiler.messages import RawBatch
from tidegauge.codec import decode_profiles
from tidegauge.kafka_settings import ORDERED
from tidegauge.partitioner import partition_for
from tidegauge.profiles import WatermarkReport

PARTITIONS = 4
Named = tuple[int, PartKey]
Newest = dict[Named, tuple[tuple[int, int], bytes]]


def produce(config: ProfilerConfig, log: list[Event], topic: str) -> None:
    producer = Producer({**config.kafka, **ORDERED, "linger.ms": 1})
    for event in log:
        value = json.dumps({k: v for k, v in event.items() if k != "broker_ms"}).encode()
        if event.get("type") == "watermark":
            for partition in range(PARTITIONS):
                producer.produce(topic, value, partition=partition)
        else:
            key = event["prediction_id"].encode()
            producer.produce(topic, value, key=key, partition=partition_for(key, PARTITIONS))
    assert producer.flush(10) == 0


def tell_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that changes again after it was published is told a tenth of its pane later, else a minute here."""
    monkeypatch.setattr(schedule, "PANES_PER_SNAPSHOT", 600)


def wait(
    until: Callable[[], object], seconds: float = 120.0, what: str = "it", why: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s: {why()}"
        time.sleep(0.02)


class Reader:
    """Reads a topic from its beginning without a group; keeps the newest profile by key and all reports."""

    def __init__(self, config: ProfilerConfig, topic: str) -> None:
        self.consumer = Consumer({**config.kafka, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
        self.consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self.newest: Newest = {}
        self.reports: list[WatermarkReport] = []
        self.raw: list[Message] = []

    def read(self) -> None:
        for message in self.consumer.consume(500, 0.2):
            if message.error() is None:
                self.raw.append(message)

    def profiles(self) -> Newest:
        self.read()
        while self.raw:
            event = decode_profiles(self.raw.pop(0).value())
            if isinstance(event, WatermarkReport):
                self.reports.append(event)
                continue
            for profile in event.profiles:
                order, name = (profile.epoch, profile.seq), (profile.shard, PartKey.of(profile))
                if order >= self.newest.get(name, ((0, 0), b""))[0]:
                    self.newest[name] = (order, profile.body)
        return self.newest


def expected(config: ProfilerConfig, rows: list[Event], labels: list[Event]) -> dict[Named, bytes]:
    """Parts by (shard, key), from cores that read each partition's log in one batch."""
    out = {}
    for shard in range(PARTITIONS):
        core = ShardCore(shard, catalog(), config.shard)
        core.predictions(_log(rows, shard))
        core.labels(_log(labels, shard))
        for key in core.store:
            out[shard, key] = comparable(key.part, core.store.snapshot(key))
    return without_empty(out)


def _log(log: list[Event], shard: int) -> RawBatch:
    mine = [e for e in log if e.get("type") or partition_for(e["prediction_id"].encode(), PARTITIONS) == shard]
    values = [json.dumps({k: v for k, v in event.items() if k != "broker_ms"}).encode() for event in mine]
    return RawBatch(shard, list(range(len(values))), [-1] * len(values), values)


def published(reader: Reader) -> dict[Named, bytes]:
    found = {name: comparable(name[1].part, body) for name, (_, body) in reader.profiles().items()}
    return without_empty(found)


def differences(reader: Reader, want: dict[Named, bytes], threads: list[ProfilerThread]) -> str:
    """Say which parts are not what they must be, and what the profilers say of themselves."""
    found = published(reader)
    wrong = [name for name in {**want, **found} if found.get(name) != want.get(name)]
    states = [(thread.failure, thread.status.held, thread.status.totals) for thread in threads]
    return f"{len(wrong)} of {len(want)} parts differ, {wrong[:3]}; {states}"


def read_all(threads: list[ProfilerThread], rows: list[Event], labels: list[Event]) -> bool:
    """Whether together they have read both logs to the end."""
    counts = defaultdict(int)
    for thread in threads:
        assert thread.failure is None
        for shard in thread.status.shards:
            counts[shard.shard] = shard.predictions.messages + shard.labels.messages
    return sum(counts.values()) >= _messages(rows) + _messages(labels)


def _messages(log: list[Event]) -> int:
    return sum(PARTITIONS if event.get("type") else 1 for event in log)
