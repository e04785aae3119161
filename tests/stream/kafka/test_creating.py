"""What `topics create` makes of a broker's answers, without one."""

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic

from stream.errors import ConfigurationError, TidegaugeError, UnreachableError
from stream.kafka import topics
from stream.kafka.topics import TopicSpec, create_topics

SPECS = [TopicSpec("alerts", 2, {}), TopicSpec("reports", 2, {})]


def answered(error: int | None) -> "Future[Any]":
    future: Future[Any] = Future()
    if error is None:
        future.set_result({})
    else:
        future.set_exception(KafkaException(KafkaError(error)))
    return future


class Broker:
    """Has no topic when it is first asked, and answers the creation of each as it is told to."""

    def __init__(self, answers: Mapping[str, int | None]) -> None:
        self.answers = answers
        self.there: dict[str, Any] = {}

    def list_topics(self, timeout: float) -> Any:
        assert timeout > 0
        return SimpleNamespace(topics=dict(self.there))

    def create_topics(self, asked: list[NewTopic], request_timeout: float = 0.0) -> dict[str, "Future[Any]"]:
        assert request_timeout > 0, "who waits for longer than the future is told nothing"
        self.there = {topic.topic: SimpleNamespace(partitions={0: 0, 1: 0}, error=None) for topic in asked}
        return {topic.topic: answered(self.answers[topic.topic]) for topic in asked}

    def describe_configs(self, asked: list[ConfigResource], request_timeout: float) -> dict[Any, "Future[Any]"]:
        assert request_timeout > 0
        return {resource: answered(None) for resource in asked}


def play(monkeypatch: pytest.MonkeyPatch, answer: int | None) -> dict[str, bool]:
    monkeypatch.setattr(topics, "make_admin", lambda _: Broker({"alerts": answer, "reports": None}))
    monkeypatch.setattr(topics, "require_leaders", lambda *_: None)
    verdicts = create_topics({"bootstrap.servers": "here:9092"}, SPECS)
    assert not any(verdict.problem for verdict in verdicts)
    return {verdict.name: verdict.created for verdict in verdicts}


def test_a_topic_that_another_process_was_faster_to_create_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert play(monkeypatch, None) == {"alerts": True, "reports": True}
    assert play(monkeypatch, KafkaError.TOPIC_ALREADY_EXISTS) == {"alerts": False, "reports": True}


@pytest.mark.parametrize(
    ("answer", "told", "says"),
    [
        (KafkaError._TIMED_OUT, UnreachableError, "here:9092 did not create topic alerts .*can be repeated"),
        (KafkaError.NOT_CONTROLLER, UnreachableError, "here:9092 did not create topic alerts"),
        (KafkaError.INVALID_REPLICATION_FACTOR, ConfigurationError, "topic alerts could not be created"),
    ],
)
def test_a_cluster_that_cannot_create_now_is_no_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, answer: int, told: type[TidegaugeError], says: str
) -> None:
    with pytest.raises(told, match=says):
        play(monkeypatch, answer)
