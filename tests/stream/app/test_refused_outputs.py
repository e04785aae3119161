"""An output is told as published only if it is, also by a leader that refuses one request and takes the next."""

import asyncio

import pytest
from confluent_kafka import Consumer, TopicPartition

from stream.app.publisher import KafkaPublisher
from stream.kafka.embedded import EmbeddedBroker
from stream.kafka.topics import TopicNames
from tests.servers.refusing_leader import RefusingLeader
from tidegauge.retraining import RetrainingRequest

pytestmark = pytest.mark.embedded

TOPICS = TopicNames()


def request(version: str) -> RetrainingRequest:
    return RetrainingRequest(request_id="r", model="planner", alert_id="a", decided_at_ms=1, version=version)


def fail(error: BaseException) -> None:
    raise error


async def publish_two(leader: RefusingLeader) -> list[bool]:
    """Publish two requests of a model, the second once the first is on its way; returns what was told of them."""
    publisher = KafkaPublisher({"bootstrap.servers": leader.bootstrap}, TOPICS, fail)
    told: list[bool] = []
    serving = asyncio.create_task(publisher.run())
    assert publisher.publish(request("v1"), told.append)
    async with asyncio.timeout(10):
        while not leader.holding.is_set():  # noqa: ASYNC110 - set by a thread
            await asyncio.sleep(0.01)
    assert publisher.publish(request("v2"), told.append)
    await publisher.flush(10)
    serving.cancel()
    return told


def test_what_is_told_as_published_is_there_in_order(broker: EmbeddedBroker) -> None:
    broker.create([TOPICS.retraining])
    with RefusingLeader(broker.bootstrap) as leader:
        assert asyncio.run(publish_two(leader)) == [True, True]
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(TOPICS.retraining, partition, 0) for partition in range(4)])
    values = [message.value() for message in consumer.consume(2, 10)]
    consumer.close()
    assert [b'"v1"' in values[0], b'"v2"' in values[1]] == [True, True]
