"""The servers under the other tests are what they claim to be."""

import pytest
from confluent_kafka.admin import AdminClient
from redis import Redis

pytestmark = pytest.mark.integration


def test_a_real_kafka_answers(bootstrap: str) -> None:
    metadata = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10)
    assert len(metadata.brokers) == 1
    assert metadata.controller_id == 1  # the mock cluster has no controller


def test_a_real_redis_and_valkey_answer(redis_url: str, request: pytest.FixtureRequest) -> None:
    info = Redis.from_url(redis_url).info()
    name = "valkey" if "valkey" in request.node.callspec.id else "redis"
    assert info.get("server_name", "redis") == name
    assert info["aof_enabled"] == 1
