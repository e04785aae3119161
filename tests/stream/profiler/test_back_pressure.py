from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from stream.profiler.config import ProfilerConfig
from stream.profiler.dead_letters import DeadLetters
from stream.profiler.inputs import _settings
from stream.profiler.loop import Loop
from stream.profiler.messages import DeadLetter
from stream.profiler.status import Totals

CONFIG = ProfilerConfig(kafka={"bootstrap.servers": "nowhere:1"})
EVERYTHING = {("predictions", 3), ("labels", 3)}


class Producer:
    """Holds messages until somebody says that they arrived, or did not."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.full = False

    def produce(self, *args: Any, on_delivery: Any, **kwargs: Any) -> None:
        if self.full:
            raise BufferError
        self.waiting.append(on_delivery)

    def flush(self, seconds: float) -> None:
        """Nothing arrives by itself."""

    def answer(self, error: KafkaError | None) -> None:
        waiting, self.waiting = self.waiting, []
        for report in waiting:
            report(error, None)


def letter(offset: int) -> DeadLetter:
    return DeadLetter("invalid_json", "cut off", "predictions", 3, offset, b"{")


def loop_with(dead_letters: DeadLetters, *, store_away: bool = False, backlog_bytes: int = 0) -> Loop:
    shards = SimpleNamespace(waiting={}, owned={3: object()}, store_away=store_away)
    publisher = SimpleNamespace(backlog_bytes=backlog_bytes)
    inputs = SimpleNamespace()
    return Loop(CONFIG, shards, publisher, dead_letters, lambda _: inputs, Catalog, Totals())  # type: ignore[arg-type]


@pytest.fixture
def producer() -> Producer:
    return Producer()


@pytest.fixture
def dead_letters(producer: Producer) -> DeadLetters:
    return DeadLetters(producer, TopicNames())  # type: ignore[arg-type]


def test_nothing_more_is_read_while_dead_letters_cannot_be_delivered(
    producer: Producer, dead_letters: DeadLetters
) -> None:
    # Without a checkpoint nothing may be forgotten: reading on would grow state and letters for as long as it lasts.
    loop = loop_with(dead_letters)
    producer.full = True
    dead_letters.put([letter(1), letter(2)])
    assert not dead_letters.settle(0.0)
    assert loop._to_hold() == EVERYTHING
    assert loop._held == "dead letters"
    producer.full = False
    assert not dead_letters.settle(0.0)
    producer.answer(KafkaError(KafkaError._MSG_TIMED_OUT))
    assert not dead_letters.settle(0.0)  # sent again
    producer.answer(None)
    assert dead_letters.settle(0.0)
    assert dead_letters.produced == 2
    assert not dead_letters.stuck


def test_nothing_is_read_while_redis_or_kafka_takes_nothing(dead_letters: DeadLetters) -> None:
    away = loop_with(dead_letters, store_away=True)
    assert (away._to_hold(), away._held) == (EVERYTHING, "store")
    full = loop_with(dead_letters, backlog_bytes=CONFIG.max_backlog_bytes + 1)
    assert (full._to_hold(), full._held) == (EVERYTHING, "backlog")


@pytest.mark.parametrize(
    ("unread", "messages", "pending", "frees"),
    [(0, 0, None, True), (1, 0, None, False), (None, 0, None, False), (0, 1, None, False), (0, 0, object(), False)],
)
def test_memory_without_labels_is_freed_only_while_there_are_surely_none(
    dead_letters: DeadLetters, unread: int | None, messages: int, pending: object, *, frees: bool
) -> None:
    freed: list[int] = []
    core = SimpleNamespace(offsets={}, unlabelled=not messages, free_unlabelled=lambda: freed.append(3))
    loop = loop_with(dead_letters)
    loop._shards.owned = {3: SimpleNamespace(shard=3, pending=pending, core=core)}  # type: ignore[dict-item]
    loop._inputs.unread = lambda role, shard, next_offset: unread  # type: ignore[method-assign]
    loop._free_unlabelled()
    assert freed == ([3] if frees else [])
    assert core.never_labelled == (unread == 0 and not messages)


def test_what_the_consumer_fetches_ahead_is_bounded_and_can_be_set() -> None:
    assert _settings(CONFIG)["queued.max.messages.kbytes"] == "32768"
    assert (
        _settings(ProfilerConfig(kafka={"queued.max.messages.kbytes": "1024"}))["queued.max.messages.kbytes"] == "1024"
    )
