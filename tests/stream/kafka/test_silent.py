"""A broker that takes a question and never answers it, as one whose coordinator or controller is away."""

import socket
from collections.abc import Iterator

import pytest

from stream.cli import survey
from stream.config import Settings
from stream.errors import UnreachableError
from stream.kafka import topics
from stream.kafka.clients import make_admin
from stream.kafka.topics import TopicSpec, create_topics
from stream.rebuild import rebuild


@pytest.fixture
def silent() -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield Settings(kafka={"bootstrap.servers": f"{host}:{port}", "log_level": "0"})


def test_status_goes_on_without_knowing_the_owners(silent: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "TIMEOUT_SECONDS", 0.1)
    assert survey._owners(make_admin(silent.kafka_settings), silent) == ({}, {})


def test_rebuild_says_that_nobody_tells_of_the_group(silent: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "QUERY_SECONDS", 0.1)
    with pytest.raises(UnreachableError, match=r"Kafka does not tell of group tidegauge: .*Timed out"):
        rebuild.require_stopped(silent)


def test_a_topic_that_nobody_creates_in_time_is_no_mistake_of_settings(
    silent: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "CREATE_SECONDS", 0.1)
    monkeypatch.setattr(topics, "list_partitions", lambda *_: {})
    with pytest.raises(UnreachableError, match=r"did not create topic predictions .*Timed out"):
        create_topics(silent.kafka_settings, [TopicSpec("predictions", 1, {})])
