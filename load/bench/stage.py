"""What is measured on: topics filled beforehand, and for the worker a definition with its reference."""

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from load.generate import PREDICTION, LoadSpec, Source
from load.generate.blast import blast
from load.generate.definition import HORIZON_MS, Watch, write_definition
from load.generate.encode import LABEL, Encoded
from load.generate.producer import Sink
from load.servers import Servers
from stream.definitions.apply import apply_file
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from tidegauge import Watermark, encode

PARTITIONS = 4
AFTER_MS = 2 * HORIZON_MS + 30_000
"""Event time after the last message until every window that holds something has closed and its labels are due."""
SETTINGS = """\
prefix: "{prefix}"
group: {group}
idle: never
kafka: {{bootstrap.servers: "{bootstrap}"}}
redis: {{url: "{redis}"}}
web: {{port: 0}}
"""


@dataclass(frozen=True)
class Scene:
    """Topics under one prefix, filled; `config` is a worker's settings where there is a definition."""

    names: TopicNames
    predictions: int
    labels: int
    last_ms: int
    last_prediction_ms: int
    config: Path | None = None

    @property
    def messages(self) -> int:
        """Predictions and labels, without watermarks."""
        return self.predictions + self.labels


class Stage:
    """Fills topics from one seeded load; the definition is applied once, its records copied afterwards.

    Parameters
    ----------
    servers
        Where to.
    spec
        What events.
    watch
        How they are watched.
    folder
        For files.
    """

    def __init__(self, servers: Servers, spec: LoadSpec, watch: Watch, folder: Path) -> None:
        self.servers, self.spec, self.watch, self.folder = servers, spec, watch, folder
        self._plain: dict[int, Scene] = {}
        self._encoded: dict[int, Encoded] = {}
        self._definition: Path | None = None
        self._models: list[tuple[bytes | None, bytes]] = []

    def plain(self, events: int) -> Scene:
        """Give topics with `events` predictions and their labels; the same ones to everybody who asks."""
        if events not in self._plain:
            self._plain[events] = self._fill(events)
        return self._plain[events]

    def watched(self, events: int) -> Scene:
        """Fill new topics, end them with a watermark, and define the model: state goes by prefix, so none is shared."""
        scene = self._fill(events)
        self._end(scene)
        self._define(scene.names)
        config = self.folder / f"{scene.names.prefix}yaml"
        text = SETTINGS.format(
            prefix=scene.names.prefix,
            group=f"{scene.names.prefix}group",
            bootstrap=self.servers.bootstrap,
            redis=self.servers.redis_url,
        )
        config.write_text(text, encoding="utf-8")
        return replace(scene, config=config)

    def bytes_per_prediction(self, events: int) -> float:
        """Mean size of a prediction's JSON."""
        values = [len(message.value) for message in self._encode(events).of(PREDICTION)]
        return sum(values) / len(values)

    def _encode(self, events: int) -> Encoded:
        if events not in self._encoded:
            self._encoded[events] = Source(self.spec).all(events)
        return self._encoded[events]

    def _fill(self, events: int) -> Scene:
        names, encoded = TopicNames(f"{uuid.uuid4().hex[:8]}."), self._encode(events)
        specs = topic_specs(names, partitions=PARTITIONS, profile_partitions=PARTITIONS)
        create_topics(self.servers.kafka, list(specs), replication=1)
        sent = blast(Sink(self.servers.kafka, names), encoded)
        if sent.failed:
            raise RuntimeError(f"{sent.failed} of {sent.messages} messages were not delivered")
        predictions = encoded.of(PREDICTION)
        return Scene(names, len(predictions), len(encoded.of(LABEL)), encoded.last_ms, predictions[-1].at_ms)

    def _end(self, scene: Scene) -> None:
        """One watermark beyond every window and every label's horizon, on each partition of both topics."""
        value = encode(Watermark(timestamp_ms=scene.last_ms + AFTER_MS))
        producer = Producer(dict(self.servers.kafka))
        for topic in (scene.names.predictions, scene.names.labels):
            for partition in range(PARTITIONS):
                producer.produce(topic, value, partition=partition)
        producer.flush(30)

    def _define(self, names: TopicNames) -> None:
        if self._definition is None:
            self._definition = write_definition(self.folder, self.spec, self.watch)
            apply_file(self._definition, self.servers.kafka, names)
            self._models = list(_records(self.servers.kafka, names.models))
            return
        producer = Producer({**self.servers.kafka, "enable.idempotence": True})
        for key, value in self._models:
            producer.produce(names.models, value, key, 0)
        producer.flush(30)


def _records(kafka: dict[str, str], topic: str) -> list[tuple[bytes | None, bytes]]:
    """Read a topic of one partition to its end."""
    consumer = Consumer({**kafka, "group.id": topic})
    place = TopicPartition(topic, 0, 0)
    _, end = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    records: list[tuple[bytes | None, bytes]] = []
    while len(records) < end:
        message = consumer.poll(10)
        if message is None:
            raise RuntimeError(f"{topic} could not be read back")
        records.append((message.key(), message.value() or b""))
    consumer.close()
    return records
