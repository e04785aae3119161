"""The `models` log on a real Kafka: many writers at once leave one chain, and what the topic must be is checked."""

import threading
import uuid

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from stream.definitions.plan import Proposal, plan_change
from stream.definitions.reader import DefinitionReader
from stream.definitions.writer import DefinitionWriter, LostRaceError
from stream.errors import ConfigurationError, LostStateError
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from tidegauge.definition import Definition

pytestmark = pytest.mark.integration


@pytest.fixture
def topic(bootstrap: str) -> str:
    names = TopicNames(f"t{uuid.uuid4().hex[:8]}.")
    specs = [s for s in topic_specs(names, partitions=1, profile_partitions=1) if s.name == names.models]
    create_topics({"bootstrap.servers": bootstrap}, specs, replication=1)
    return names.models


def test_of_writers_that_saw_the_same_head_exactly_one_wins(bootstrap: str, topic: str) -> None:
    kafka = {"bootstrap.servers": bootstrap}
    readers = [DefinitionReader(kafka, topic) for _ in range(4)]
    for reader in readers:
        reader.read_to_end(20)
    together = threading.Barrier(len(readers))
    outcomes: dict[int, str] = {}

    def write(number: int, reader: DefinitionReader) -> None:
        definition = Definition(model="m", runbook_url=f"https://{number}")
        records = plan_change(reader.log.history("m"), Proposal(definition, {}), None).records
        writer = DefinitionWriter(kafka, topic, reader)
        together.wait(20)
        try:
            writer.publish("m", records, 20)
            outcomes[number] = "won"
        except LostRaceError:
            outcomes[number] = "lost"

    threads = [threading.Thread(target=write, args=pair) for pair in enumerate(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes.values()) == ["lost"] * 3 + ["won"]
    winner = next(number for number, outcome in outcomes.items() if outcome == "won")
    last = DefinitionReader(kafka, topic)
    assert last.read_to_end(20).compiled_for("m", 0).definition.runbook_url == f"https://{winner}"
    for reader in (*readers, last):
        reader.close()


def test_a_topic_that_was_cut_is_refused(bootstrap: str, topic: str) -> None:
    kafka = {"bootstrap.servers": bootstrap}
    reader = DefinitionReader(kafka, topic)
    reader.read_to_end(20)
    for url in ("https://1", "https://2"):
        definition = Definition(model="m", runbook_url=url)
        records = plan_change(reader.log.history("m"), Proposal(definition, {}), None).records
        DefinitionWriter(kafka, topic, reader).publish("m", records, 20)
    admin = AdminClient(kafka)
    for future in admin.delete_records([TopicPartition(topic, 0, 1)]).values():
        future.result(20)
    fresh = DefinitionReader(kafka, topic)
    with pytest.raises(LostStateError, match="has lost the record at offset 0"):
        fresh.read_to_end(20)
    reader.close()
    fresh.close()


def test_a_missing_topic_is_a_configuration_error(bootstrap: str) -> None:
    reader = DefinitionReader({"bootstrap.servers": bootstrap}, "absent.models")
    with pytest.raises(ConfigurationError, match="tidegauge topics create"):
        reader.read_to_end(20)
    reader.close()
