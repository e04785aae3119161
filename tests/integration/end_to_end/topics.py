"""Topics as they stand: every message in order, read by a plain consumer; and logs copied message by message."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from tidegauge.kafka_settings import ORDERED

PARTITIONS = 4


class Record(NamedTuple):
    """One message, where it stands, and its headers as text."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]


def read(bootstrap: str, topic: str, partitions: int = PARTITIONS) -> list[Record]:
    """Return every message of a topic up to its present end, by partition and offset."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "plain", "enable.auto.commit": False})
    try:
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in range(partitions)}
        consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        found: list[Record] = []
        deadline = time.monotonic() + 30
        while len(found) < sum(ends.values()):
            assert time.monotonic() < deadline, f"{topic}: {len(found)} of {sum(ends.values())} messages came"
            found += [_record(message) for message in consumer.consume(5_000, 0.2)]
        return sorted(found)
    finally:
        consumer.close()


def copy(bootstrap: str, source: str, target: str) -> None:
    """Write every message of one topic into another, each into its partition, in order."""
    producer = Producer({"bootstrap.servers": bootstrap, **ORDERED})
    for record in read(bootstrap, source):
        producer.produce(target, record.value, key=record.key, partition=record.partition)
        producer.poll(0)
    assert producer.flush(30) == 0


def ends(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the end of each partition of the topics."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "plain"})
    try:
        where = [TopicPartition(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        return {(w.topic, w.partition): consumer.get_watermark_offsets(w, timeout=10)[1] for w in where}
    finally:
        consumer.close()


def _record(message: object) -> Record:
    assert message.error() is None, message.error()  # type: ignore[attr-defined]  # a confluent_kafka.Message
    headers = {name: (value or b"").decode() for name, value in message.headers() or []}  # type: ignore[attr-defined]
    return Record(message.partition(), message.offset(), message.key(), message.value(), headers)  # type: ignore[attr-defined]
