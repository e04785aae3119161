"""The embedded broker: librdkafka's mock cluster, for the demo and fast tests.

Its limits (topics of 4 partitions on first use, the last 5 MB or 100 000 messages of a partition, nothing on disk) are
why the producer of a demo must follow its consumers: what falls out of a partition is gone without an error.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

MAX_UNREAD_BYTES = 3_000_000
PARTITIONS = 4


class EmbeddedBroker:
    """A Kafka-compatible broker inside this process, reachable by others on the loopback interface."""

    def __init__(self, brokers: int = 1) -> None:
        # The mock cluster lives as long as this producer; nothing is ever sent with it.
        self._host: Producer | None = Producer({"test.mock.num.brokers": brokers, "log_level": 0})
        addresses = self._host.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in addresses)

    def create(self, topics: Iterable[str]) -> None:
        """Make topics, of 4 partitions each: a producer's first question about one creates it."""
        for topic in topics:
            if self._host is not None:
                self._host.list_topics(topic, timeout=10)

    def close(self) -> None:
        """End the broker; everything in it is gone."""
        self._host = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
