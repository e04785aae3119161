"""Reader, writer and follower on a broker inside the process."""

import threading

import pytest
from confluent_kafka import Producer

from stream.definitions.follower import DefinitionFollower
from stream.definitions.plan import Proposal, plan_change
from stream.definitions.reader import DefinitionReader
from stream.definitions.writer import DefinitionWriter, LostRaceError
from stream.errors import ConfigurationError, LostStateError, UnreachableError
from stream.model.catalog import Catalog
from tidegauge.definition import Definition

pytestmark = pytest.mark.embedded

TOPIC = "models"


def produce(kafka: dict[str, str], *records: bytes) -> None:
    producer = Producer(kafka)
    for raw in records:
        producer.produce(TOPIC, raw, partition=0)
    assert producer.flush(10) == 0


def change(reader: DefinitionReader, *windows: str) -> tuple[bytes, ...]:
    definition = Definition(model="m", windows=list(windows))
    return plan_change(reader.log.history("m"), Proposal(definition, {}), None).records


def windows(catalog: Catalog) -> list[str]:
    return catalog.compiled_for("m", 0).definition.windows


def test_what_was_published_is_read_by_another(kafka: dict[str, str]) -> None:
    reader, other = DefinitionReader(kafka, TOPIC), DefinitionReader(kafka, TOPIC)
    assert reader.read_to_end(10).models == ()
    DefinitionWriter(kafka, TOPIC, reader).publish("m", change(reader, "1h"))
    assert windows(other.read_to_end(10)) == ["1h"]
    reader.close()
    other.close()


def test_the_slower_of_two_writers_is_told(kafka: dict[str, str]) -> None:
    fast, slow = DefinitionReader(kafka, TOPIC), DefinitionReader(kafka, TOPIC)
    fast.read_to_end(10)
    slow.read_to_end(10)
    mine = change(slow, "6h")
    DefinitionWriter(kafka, TOPIC, fast).publish("m", change(fast, "1h"))
    with pytest.raises(LostRaceError, match="m was changed by somebody else"):
        DefinitionWriter(kafka, TOPIC, slow).publish("m", mine)
    assert windows(slow.catalog) == ["1h"]
    # Having seen the other's change, it may try again.
    DefinitionWriter(kafka, TOPIC, slow).publish("m", change(slow, "6h"))
    assert windows(slow.catalog) == ["6h"]
    fast.close()
    slow.close()


def test_publishing_the_same_records_twice_is_harmless(kafka: dict[str, str]) -> None:
    reader = DefinitionReader(kafka, TOPIC)
    reader.read_to_end(10)
    records = change(reader, "1h")
    writer = DefinitionWriter(kafka, TOPIC, reader)
    writer.publish("m", records)
    writer.publish("m", records)
    assert windows(reader.catalog) == ["1h"]
    reader.close()


def test_a_follower_hands_over_every_change(kafka: dict[str, str]) -> None:
    seen: list[Catalog] = []
    changed = threading.Event()

    def on_change(catalog: Catalog) -> None:
        seen.append(catalog)
        changed.set()

    writer_side = DefinitionReader(kafka, TOPIC)
    writer_side.read_to_end(10)
    follower = DefinitionFollower(DefinitionReader(kafka, TOPIC), on_change)
    assert follower.start(10).models == ()
    DefinitionWriter(kafka, TOPIC, writer_side).publish("m", change(writer_side, "1h"))
    assert changed.wait(10)
    assert windows(seen[-1]) == ["1h"]
    assert follower.catalog is seen[-1]
    follower.stop()
    assert follower.failure is None
    writer_side.close()


def test_a_newer_record_ends_a_follower_with_the_reason(kafka: dict[str, str]) -> None:
    follower = DefinitionFollower(DefinitionReader(kafka, TOPIC))
    follower.start(10)
    produce(kafka, b'{"record": "unheard of", "version": 99}')
    follower._thread.join(10)
    assert isinstance(follower.failure, LostStateError)
    assert "upgrade" in str(follower.failure)
    follower.stop()


def test_garbage_on_the_topic_stops_nobody(kafka: dict[str, str]) -> None:
    produce(kafka, b"garbage", b"", b"{")
    reader = DefinitionReader(kafka, TOPIC)
    reader.read_to_end(10)
    DefinitionWriter(kafka, TOPIC, reader).publish("m", change(reader, "1h"))
    assert windows(reader.catalog) == ["1h"]
    assert reader.log.void == 3
    reader.close()


def test_a_log_that_lost_its_beginning_is_refused(kafka: dict[str, str]) -> None:
    # The embedded broker drops all but the last 5 MB of a partition.
    produce(kafka, *(b"\x01" + bytes([n]) * 800_000 for n in range(8)))
    reader = DefinitionReader(kafka, TOPIC)
    with pytest.raises(LostStateError, match="has lost the record at offset 0"):
        reader.read_to_end(10)
    reader.close()


def test_a_missing_topic_says_what_to_do(kafka: dict[str, str]) -> None:
    reader = DefinitionReader(kafka, "absent")
    with pytest.raises(ConfigurationError, match="topic absent does not exist: run `tidegauge topics create`"):
        reader.read_to_end(10)
    reader.close()


def test_a_broker_that_is_away_is_named() -> None:
    settings = {"bootstrap.servers": "127.0.0.1:1", "log_level": "0"}
    reader = DefinitionReader(settings, TOPIC)
    with pytest.raises(UnreachableError, match=r"Kafka at 127\.0\.0\.1:1"):
        reader.read_to_end(1)
    with pytest.raises(UnreachableError, match="applying again is harmless"):
        DefinitionWriter(settings, TOPIC, reader).publish("m", [b"{}"], 1)
    reader.close()


def test_a_long_topic_takes_as_long_as_it_takes(kafka: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only when nothing comes for so long is Kafka away."""
    now = iter(range(0, 10_000, 20))
    reader = DefinitionReader(kafka, TOPIC, clock=lambda: float(next(now)))

    def poll(_seconds: float) -> bool:
        reader.log.next_offset += reader.log.next_offset < 5
        return reader.log.next_offset < 5

    monkeypatch.setattr(reader, "poll", poll)
    reader.read_past(4, 30.0)
    with pytest.raises(UnreachableError, match="offset 5"):
        reader.read_past(5, 30.0)
    reader.close()
