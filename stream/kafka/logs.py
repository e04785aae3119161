"""Topics read once, from an offset to their present end, and what Kafka says of their partitions."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException, Message, TopicPartition

from stream.errors import UnreachableError
from stream.kafka.clients import PARTITION_END, make_consumer

QUERY_SECONDS: Final = 10.0
_BATCH: Final = 1_000
_STEP_SECONDS: Final = 0.5


class Entry(NamedTuple):
    """One record, and when it was written, in ms since the epoch."""

    key: bytes
    value: bytes | None
    time_ms: int


class Logs:
    """Reads with a consumer that joins no group; needs READ on the topics.

    Parameters
    ----------
    settings
        librdkafka's settings.
    patience_seconds
        How long Kafka may send nothing before it counts as away.
    clock
        Seconds that only rise.
    """

    def __init__(
        self, settings: Mapping[str, str], patience_seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = settings.get("bootstrap.servers", "")
        self._patience, self._clock = patience_seconds, clock
        ours: dict[str, Any] = {
            "group.id": "tidegauge-logs",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
        self._consumer = make_consumer({"fetch.wait.max.ms": "100", **settings, **ours})

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def span(self, topic: str, partition: int) -> range:
        """Return the offsets [start, stop) that a partition holds; UnreachableError when Kafka does not say."""
        with self._asking():
            return range(*self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=QUERY_SECONDS))

    def first_ms(self, topic: str, partition: int, start: int) -> int | None:
        """Return the broker's time of the first record from an offset on; None without one."""
        for message in self._read([TopicPartition(topic, partition, start)]):
            return int(message.timestamp()[1])
        return None

    def offsets_at(self, topic: str, partitions: int, time_ms: int) -> dict[int, int]:
        """Return by partition the first offset whose record the broker took at `time_ms` or later, else the end."""
        asked = [TopicPartition(topic, number, max(time_ms, 0)) for number in range(partitions)]
        with self._asking():
            found = self._consumer.offsets_for_times(asked, timeout=QUERY_SECONDS)
            for place in found:
                if place.error is not None:
                    raise KafkaException(place.error)
        return {p.partition: p.offset if p.offset >= 0 else self.span(topic, p.partition).stop for p in found}

    def read(self, topic: str, partitions: int, since_ms: int = 0) -> Iterator[Entry]:
        """Yield a topic's records since an instant, in order by partition."""
        starts = self.offsets_at(topic, partitions, since_ms) if since_ms else dict.fromkeys(range(partitions), 0)
        for message in self._read([TopicPartition(topic, number, offset) for number, offset in starts.items()]):
            yield Entry(message.key() or b"", message.value(), int(message.timestamp()[1]))

    def _read(self, places: Sequence[TopicPartition]) -> Iterator[Message]:
        """Yield records until every partition's end was seen."""
        waiting = {place.partition for place in places}
        self._consumer.assign(list(places))
        heard_at = self._clock()
        while waiting:
            # consume(n, t) waits for all n or for all of t: so wait for one, then take what lies there.
            for message in (*self._consumer.consume(1, _STEP_SECONDS), *self._consumer.consume(_BATCH, 0.0)):
                heard_at = self._clock()
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == PARTITION_END:
                    waiting.discard(message.partition() or 0)
                elif not error.retriable():
                    raise self._away(error.str())
            if self._clock() - heard_at > self._patience:
                raise self._away(f"{places[0].topic} was not read to its end")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise self._away(error.args[0].str()) from error

    def _away(self, what: str) -> UnreachableError:
        return UnreachableError(f"Kafka at {self._address}: {what}; check kafka.bootstrap.servers and what may be read")
