"""A Kafka that needs no server: librdkafka's mock cluster, shared by the tests, with topics of their own."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

PARTITIONS = 4  # the mock cluster gives each topic that many

Reader = Callable[..., list[Message]]


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[str]:
    producer = Producer({"test.mock.num.brokers": 1})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    producer.flush(1)


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def prefix(_numbers: Iterator[int]) -> str:
    """Topics of this test alone."""
    return f"t{next(_numbers)}."


@pytest.fixture
def read(mock_cluster: str) -> Reader:
    """Everything in a topic, once `count` messages are there."""

    def read_topic(topic: str, count: int) -> list[Message]:
        consumer = Consumer({"bootstrap.servers": mock_cluster, "group.id": "reader", "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        found: list[Message] = []
        while len(found) < count:
            message = consumer.poll(10)
            assert message is not None, f"{len(found)} of {count} messages in {topic}"
            if message.error() is None:
                found.append(message)
        extra = consumer.poll(0.2)
        assert extra is None or extra.error() is not None, "more messages than expected"
        consumer.close()
        return found

    return read_topic
