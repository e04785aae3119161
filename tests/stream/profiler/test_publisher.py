"""Nothing is told before it arrived: bundles, acknowledgements, watermarks, and the gate of an embedded broker."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from stream.profiler.bundles import MAX_BUNDLE_BYTES
from stream.profiler.checkpoints import Publication
from stream.profiler.config import Cadence
from stream.profiler.publisher import Publisher
from stream.profiler.unread import Positions, Unread
from tidegauge.codec import decode_profiles
from tidegauge.partitioner import partition_for
from tidegauge.profiles import Profile, ProfileBundle, ShardWatermark, WatermarkReport


class FakeRecord:
    """What librdkafka hands to a delivery callback."""

    def __init__(self, partition: int, offset: int) -> None:
        self._partition, self._offset = partition, offset

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


class FakeProducer:
    """Keeps messages until they are acknowledged by hand."""

    def __init__(self, room: int = 1_000) -> None:
        self.sent: list[tuple[int, bytes, Callable[..., None]]] = []
        self.room = room
        self.offset = 0

    def produce(self, _topic: str, *, value: bytes, partition: int, on_delivery: Callable[..., None]) -> None:
        if len(self.sent) >= self.room:
            raise BufferError
        self.sent.append((partition, value, on_delivery))

    def poll(self, _seconds: float) -> None:
        pass

    def deliver(self, error: KafkaError | None = None) -> list[tuple[int, Any]]:
        sent, self.sent = self.sent, []
        for partition, _, on_delivery in sent:
            self.offset += 1
            on_delivery(error, FakeRecord(partition, self.offset))
        return [(partition, decode_profiles(value)) for partition, value, _ in sent]


def publication(shard: int, seq: int, *sizes: int, model: str = "m") -> Publication:
    profiles = {
        f"{seq}-{i}".encode(): Profile(model, "", "", "inputs", i, i + 1, True, 0, "", shard, 1, seq, b"x" * size)
        for i, size in enumerate(sizes)
    }
    return Publication(shard, seq, profiles, ShardWatermark(shard, 1, seq, seq * 100, -1, seq * 100))


def publisher(producer: FakeProducer, gate: Unread | None = None) -> Publisher:
    fake: Any = producer
    return Publisher(fake, "profiles", 2, worker="w", inputs=4, cadence=Cadence(), gate=gate)


def told(messages: list[tuple[int, Any]]) -> list[list[int]]:
    """Watermarks in the reports for partition 0."""
    reports = [event for partition, event in messages if isinstance(event, WatermarkReport) and partition == 0]
    return [[shard.predictions_ms for shard in report.shards] for report in reports]


def test_a_watermark_is_told_after_the_profiles_below_it_arrived() -> None:
    producer = FakeProducer()
    out = publisher(producer)
    out.publish(publication(0, 1, 10, 20))
    assert list(out.step(0.0)) == []
    [(partition, bundle)] = producer.deliver()
    assert partition == partition_for(b"m", 2)
    assert isinstance(bundle, ProfileBundle)
    assert [len(profile.body) for profile in bundle.profiles] == [10, 20]
    assert [p.seq for p in out.step(1.0)] == [1]
    messages = producer.deliver()
    assert sorted(partition for partition, _ in messages) == [0, 1]
    assert told(messages) == [[100]]
    assert messages[0][1].partitions == 4


def test_a_later_publication_does_not_overtake_an_earlier_one() -> None:
    producer = FakeProducer()
    out = publisher(producer)
    out.publish(publication(0, 1, 10))
    list(out.step(0.0))
    late, producer.sent = producer.sent, []
    out.publish(publication(0, 2, 10))
    list(out.step(0.1))
    producer.deliver()
    assert list(out.step(5.0)) == []
    assert producer.sent == []
    producer.sent = late
    producer.deliver()
    assert [p.seq for p in out.step(6.0)] == [1, 2]
    assert told(producer.deliver()) == [[200]]


def test_a_lost_profile_is_sent_again() -> None:
    producer = FakeProducer()
    out = publisher(producer)
    out.publish(publication(0, 1, 10))
    list(out.step(0.0))
    first = producer.deliver(KafkaError(KafkaError._MSG_TIMED_OUT))
    assert list(out.step(0.1)) == []
    assert producer.deliver() == first
    assert [p.seq for p in out.step(0.2)] == [1]


def test_a_full_queue_keeps_messages_for_later() -> None:
    producer = FakeProducer(room=1)
    out = publisher(producer)
    for shard, model in ((0, "m"), (1, "n"), (2, "other")):
        out.publish(publication(shard, 1, 10, model=model))
    assert {partition_for(model, 2) for model in (b"m", b"n", b"other")} == {0, 1}
    list(out.step(0.0))
    assert out.backlog_bytes > 0
    producer.deliver()
    list(out.step(0.1))
    producer.deliver()
    assert out.backlog_bytes == 0
    assert {p.shard for p in out.step(0.2)} <= {0, 1, 2}


def test_a_dropped_shard_is_told_no_more() -> None:
    producer = FakeProducer()
    out = publisher(producer)
    for shard in (0, 1):
        out.publish(publication(shard, 1 + shard))
    assert len(list(out.step(0.0))) == 2
    assert told(producer.deliver()) == [[100, 200]]
    out.drop(0)
    list(out.step(2.0))
    assert told(producer.deliver()) == [[200]]


@pytest.mark.parametrize(("wait", "reports"), [(0.1, 0), (0.25, 1)])
def test_news_is_told_at_once_but_at_most_five_times_a_second(wait: float, reports: int) -> None:
    producer = FakeProducer()
    out = publisher(producer)
    out.publish(publication(0, 1))
    list(out.step(0.0))
    producer.deliver()
    out.publish(publication(0, 2, 10))
    list(out.step(0.01))
    producer.deliver()
    list(out.step(wait))
    assert len(told(producer.deliver())) == reports


def test_bundles_stay_below_the_limit() -> None:
    producer = FakeProducer()
    out = publisher(producer)
    out.publish(publication(0, 1, *[100_000] * 30, 1_500_000))
    list(out.step(0.0))
    sizes = [len(value) for _, value, _ in producer.sent]
    assert [size for size in sizes if size > MAX_BUNDLE_BYTES] == sizes[-1:]
    assert sum(len(bundle.profiles) for _, bundle in producer.deliver()) == 31


def test_the_gate_counts_what_nobody_has_read() -> None:
    positions: dict[int, tuple[int, int]] = {0: (0, 0)}
    now = [0.0]

    def ask() -> Positions:
        return dict(positions)

    gate = Unread(1_000, ask, lambda: now[0])
    for offset in range(4):
        assert gate.allows(0, 250)
        gate.sending(0, 250)
        gate.arrived(0, offset, 250)
    positions[0] = (0, 4)
    now[0] += 1
    assert not gate.allows(0, 250)
    positions[0] = (1, 4)
    assert not gate.allows(0, 250)  # it does not ask again so soon
    now[0] += 1
    assert gate.allows(0, 250)
    positions[0] = (1, 6)  # two messages of another worker, at our mean size
    now[0] += 1
    assert not gate.allows(0, 250)
    positions[0] = (6, 6)
    now[0] += 1
    assert gate.allows(0, 5_000)  # alone it may pass, or it never would
