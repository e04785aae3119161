"""An output larger than the producer's queue: it is sent in turns, and told once; and what an error there ends."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from stream.app import publisher
from stream.app.publisher import KafkaPublisher
from stream.kafka.topics import TopicNames
from stream.monitor.outputs import HistorySnapshot
from tidegauge.retraining import RetrainingRequest

SNAPSHOT = HistorySnapshot(model="m", number=1, fields={b"d": random.Random(1).randbytes(4_000_000)})
PIECES = 5
REQUEST = RetrainingRequest(request_id="r", model="m", alert_id="a", decided_at_ms=1, version="v")


class SmallProducer:
    """A producer that takes two messages, and delivers when it is polled."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.waiting: list[Callable[[None, None], None]] = []

    def produce(self, topic: str, _: bytes, __: bytes, *, on_delivery: Callable[[None, None], None]) -> None:
        if len(self.waiting) == 2:
            raise BufferError
        self.topics.append(topic)
        self.waiting.append(on_delivery)

    def poll(self, _: float) -> None:
        waiting, self.waiting = self.waiting, []
        for report in waiting:
            report(None, None)

    def __len__(self) -> int:
        return len(self.waiting)


def make(monkeypatch: pytest.MonkeyPatch, failures: list[BaseException]) -> tuple[SmallProducer, KafkaPublisher]:
    producer = SmallProducer()

    def make_producer(_: dict[str, Any]) -> SmallProducer:
        return producer

    monkeypatch.setattr(publisher, "make_producer", make_producer)
    return producer, KafkaPublisher({}, TopicNames(), failures.append)


def test_a_snapshot_larger_than_the_queue_is_sent_whole_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[BaseException] = []
    told: list[bool] = []
    producer, outputs = make(monkeypatch, failures)
    assert outputs.publish(SNAPSHOT, told.append)
    assert not outputs.publish(REQUEST, told.append)
    asyncio.run(outputs.flush(5))
    assert told == [True]
    assert producer.topics == ["history"] * PIECES
    assert outputs.publish(REQUEST, told.append)
    assert failures == []


def test_a_queue_that_takes_nothing_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    producer, outputs = make(monkeypatch, [])
    assert outputs.publish(REQUEST, told.append)
    assert outputs.publish(REQUEST, told.append)
    assert not outputs.publish(SNAPSHOT, told.append)
    asyncio.run(outputs.flush(5))
    assert (told, producer.topics) == ([True, True], ["retraining"] * 2)


def test_an_error_while_reports_are_served_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[BaseException] = []
    producer, outputs = make(monkeypatch, failures)

    def refuse(_: float) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(producer, "poll", refuse)
    asyncio.run(outputs.run())
    assert [str(error) for error in failures] == ["a bug"]
