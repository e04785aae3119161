"""What is measured on: topics filled beforehand, and for the worker a definition with its reference."""

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka import Producer

from load.generate import PREDICTION, LoadSpec, Source
from load.generate.alike import records_for_all
from load.generate.blast import blast
from load.generate.definition import HORIZON_MS, Watch, write_definition
from load.generate.encode import LABEL, Encoded
from load.generate.producer import Sink
from load.servers import Servers
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from stream.timeline.durations import parse_duration
from tidegauge import Watermark, encode
from tidegauge.kafka_settings import ORDERED

PARTITIONS = 4
SLACK_MS = 30_000
"""Event time beyond the last window and the last label's horizon until both have surely closed."""

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
    partitions: int = PARTITIONS
    config: Path | None = None

    @property
    def messages(self) -> int:
        """Predictions and labels, without watermarks."""
        return self.predictions + self.labels


class Stage:
    """Fills topics from one seeded load; definitions are made once, their records copied afterwards.

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
    partitions
        Of the inputs.
    """

    def __init__(
        self, servers: Servers, spec: LoadSpec, watch: Watch, folder: Path, partitions: int = PARTITIONS
    ) -> None:
        self.servers, self.spec, self.watch, self.folder = servers, spec, watch, folder
        self.partitions = partitions
        self._plain: dict[int, Scene] = {}
        self._encoded: dict[int, Encoded] = {}
        self._models: list[tuple[bytes, bytes]] = []

    def plain(self, events: int) -> Scene:
        """Give topics with `events` predictions and their labels; the same ones to everybody who asks."""
        if events not in self._plain:
            self._plain[events] = self._send(self._topics(), events)
        return self._plain[events]

    def watched(self, events: int) -> Scene:
        """Fill new topics, end them with a watermark, define the models: state goes by prefix, so none is shared."""
        return self.fill(self.empty(), events)

    def empty(self) -> Scene:
        """Give new topics without a message, and the models' definitions."""
        return self._defined(Scene(self._topics(), 0, 0, 0, 0, self.partitions))

    def fill(self, scene: Scene, events: int) -> Scene:
        """Send `events` predictions and their labels to empty topics, and a watermark that ends them."""
        filled = replace(self._send(scene.names, events), config=scene.config)
        self._end(filled)
        return filled

    def _defined(self, scene: Scene) -> Scene:
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
        values = [len(message.value) for message in self.encode(events).of(PREDICTION)]
        return sum(values) / len(values)

    def encode(self, events: int) -> Encoded:
        """Make the messages, once."""
        if events not in self._encoded:
            self._encoded[events] = Source(self.spec).all(events)
        return self._encoded[events]

    def _send(self, names: TopicNames, events: int) -> Scene:
        encoded = self.encode(events)
        sent = blast(Sink(self.servers.kafka, names), encoded)
        if sent.failed:
            raise RuntimeError(f"{sent.failed} of {sent.messages} messages were not delivered")
        predictions = encoded.of(PREDICTION)
        labels, last_ms = len(encoded.of(LABEL)), predictions[-1].at_ms
        return Scene(names, len(predictions), labels, encoded.last_ms, last_ms, self.partitions)

    def _topics(self) -> TopicNames:
        names = TopicNames(f"{uuid.uuid4().hex[:8]}.")
        specs = topic_specs(names, partitions=self.partitions, profile_partitions=PARTITIONS)
        create_topics(self.servers.kafka, list(specs), replication=1)
        return names

    def _end(self, scene: Scene) -> None:
        """One watermark beyond every window and every label's horizon, on each partition of both topics."""
        longest_ms = max(parse_duration(window) for window in self.watch.windows)
        value = encode(Watermark(timestamp_ms=scene.last_ms + longest_ms + HORIZON_MS + SLACK_MS))
        producer = Producer(dict(self.servers.kafka))
        for topic in (scene.names.predictions, scene.names.labels):
            for partition in range(self.partitions):
                producer.produce(topic, value, partition=partition)
        producer.flush(30)

    def _define(self, names: TopicNames) -> None:
        if not self._models:
            path = write_definition(self.folder, self.spec, self.watch)
            self._models = list(records_for_all(path, self.spec.model_names))
        producer = Producer({**self.servers.kafka, **ORDERED})
        for key, value in self._models:
            producer.produce(names.models, value, key, 0)
        producer.flush(30)
