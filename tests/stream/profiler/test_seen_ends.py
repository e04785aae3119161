"""A log that ends with what is never delivered, a transaction's marker, has been read to its end all the same."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from stream.profiler import inputs as module
from stream.profiler.config import ProfilerConfig
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.inputs import Inputs
from stream.profiler.seen_ends import SeenEnds

CONFIG = ProfilerConfig(kafka={"bootstrap.servers": "nowhere:1"})
TOPIC = CONFIG.topics.predictions
HERE = (PREDICTIONS, 0)


def record(offset: int) -> Message:
    return Message(topic=TOPIC, partition=0, offset=offset, value=b"{}")


def end(offset: int) -> Message:
    return Message(topic=TOPIC, partition=0, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF))


class FakeConsumer:
    """Delivers what a test has laid down; the log always ends at 6."""

    def __init__(self) -> None:
        self.polls: list[list[Message]] = []

    def consume(self, count: int, seconds: float) -> list[Message]:
        return self.polls.pop(0)

    def get_watermark_offsets(self, place: Any, *, cached: bool) -> tuple[int, int]:
        return 0, 6

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.callbacks = callbacks

    def assign(self, places: list[Any]) -> None:
        """Nothing is checked."""

    resume = assign


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> FakeConsumer:
    fake = FakeConsumer()
    monkeypatch.setattr(module, "make_consumer", lambda settings: fake)
    return fake


def made() -> Inputs:
    return Inputs(CONFIG, lambda shards: {shard: {} for shard in shards}, lambda shards, lost: None)


def test_what_will_never_be_delivered_is_not_unread(consumer: FakeConsumer) -> None:
    inputs = made()
    consumer.polls = [[record(3), record(4)], [end(6)]]
    assert inputs.read(10, 0.0)[HERE].offsets == [3, 4]
    assert inputs.unread(PREDICTIONS, 0, 5) == 1  # a record, perhaps
    assert inputs.read(10, 0.0) == {}
    assert inputs.unread(PREDICTIONS, 0, 5) == 0
    assert inputs.unread(PREDICTIONS, 0, 4) == 2  # the record at 4 was delivered and is not counted yet
    assert inputs.unread(PREDICTIONS, 0, None) == 6
    assert inputs.unread(PREDICTIONS, 1, 5) == inputs.unread(LABELS, 0, 5) == 1


def test_an_end_among_records_takes_none_of_them_away(consumer: FakeConsumer) -> None:
    inputs = made()
    consumer.polls = [[record(1), end(2), record(3), end(6)]]
    assert inputs.read(10, 0.0)[HERE].offsets == [1, 3]
    assert inputs.unread(PREDICTIONS, 0, 2) == 4
    assert inputs.unread(PREDICTIONS, 0, 4) == 0


def test_a_log_without_one_record_that_counts_is_read_at_its_end(consumer: FakeConsumer) -> None:
    inputs = made()
    consumer.polls = [[end(6)]]
    inputs.read(10, 0.0)
    assert inputs.unread(PREDICTIONS, 0, None) == 0


def test_an_open_transaction_is_unread_and_nothing_to_wait_for(consumer: FakeConsumer) -> None:
    inputs = made()
    consumer.polls = [[record(3)], [end(4)], [record(4)], [end(5)]]
    inputs.read(10, 0.0)
    assert not inputs.caught_up(PREDICTIONS, 0, 4)
    inputs.read(10, 0.0)
    assert (inputs.unread(PREDICTIONS, 0, 4), inputs.caught_up(PREDICTIONS, 0, 4)) == (2, True)
    assert not inputs.caught_up(PREDICTIONS, 0, 3)  # delivered, and not counted
    inputs.read(10, 0.0)
    assert not inputs.caught_up(PREDICTIONS, 0, 5)  # more is coming, until the end is met again
    inputs.read(10, 0.0)
    assert inputs.caught_up(PREDICTIONS, 0, 5)
    assert not inputs.caught_up(LABELS, 0, 5)


def test_the_end_is_forgotten_where_reading_begins_anew(consumer: FakeConsumer) -> None:
    for begin_anew in (
        lambda inputs: inputs.start({0: {PREDICTIONS: 5}}),
        lambda inputs: consumer.callbacks["on_revoke"](None, [module.TopicPartition(TOPIC, 0)]),
        lambda inputs: consumer.callbacks["on_assign"](None, [module.TopicPartition(TOPIC, 0)]),
    ):
        inputs = made()
        consumer.polls = [[record(4), end(6)]]
        inputs.read(10, 0.0)
        assert inputs.unread(PREDICTIONS, 0, 5) == 0
        begin_anew(inputs)
        assert inputs.unread(PREDICTIONS, 0, 5) == 1


def test_ends_of_other_shards_are_kept() -> None:
    ends = SeenEnds()
    ends.meet((LABELS, 0), 4)
    ends.meet((LABELS, 1), 4)
    ends.forget([0])
    assert (ends.passed((LABELS, 0), 2), ends.passed((LABELS, 1), 2)) == (2, 4)
