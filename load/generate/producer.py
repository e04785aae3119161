"""A producer for loads, and the topics it fills."""

from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import Producer

from load.generate.encode import Message
from stream.kafka.topics import TopicNames
from tidegauge.kafka_settings import ORDERED

Progress = Callable[[int], None]
FLUSH_SECONDS = 120.0
FULL_SECONDS = 0.05
_BATCHED: Mapping[str, object] = {
    **ORDERED,
    "partitioner": "murmur2_random",
    "linger.ms": 20,
    "batch.size": 1_000_000,
    "compression.type": "lz4",
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 512_000,
    "delivery.report.only.error": True,
}
_PROMPT: Mapping[str, object] = {**_BATCHED, "linger.ms": 2}


class Sink:
    """Sends messages to their topics; counts what was delivered and what was not.

    Parameters
    ----------
    kafka
        librdkafka's settings.
    names
        Names of the topics.
    prompt
        Small batches that leave at once, for paced loads; else large ones, for throughput.
    """

    def __init__(self, kafka: Mapping[str, str], names: TopicNames, *, prompt: bool = False) -> None:
        self._producer = Producer({**kafka, **(_PROMPT if prompt else _BATCHED)})
        self._topics = (names.predictions, names.labels)
        self.sent = 0
        self.failed = 0

    def send(self, messages: Iterable[Message]) -> None:
        """Queue messages; waits when the queue is full."""
        produce, poll, topics = self._producer.produce, self._producer.poll, self._topics
        failed = self._report
        sent = 0
        for _, kind, key, value, partition in messages:
            while True:
                try:
                    produce(topics[kind], value, key, partition, on_delivery=failed)
                    break
                except BufferError:
                    poll(FULL_SECONDS)
            sent += 1
            if not sent & 1023:
                poll(0)
        self.sent += sent

    def poll(self) -> None:
        """Take delivery reports."""
        self._producer.poll(0)

    def flush(self) -> int:
        """Wait until everything is delivered; returns how many messages were not."""
        return self._producer.flush(FLUSH_SECONDS) + self.failed

    def _report(self, error: object, _: object) -> None:
        if error is not None:
            self.failed += 1
