"""What Kafka says of a shard's two logs before the shard is read: where they begin and end, and what was committed."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException, TopicPartition

from stream.checkpoint.errors import StoreUnavailableError
from stream.checkpoint.fit import Log
from stream.kafka.clients import make_consumer
from stream.profiler.config import ProfilerConfig
from stream.profiler.decode import LABELS, PREDICTIONS

QUERY_SECONDS = 5.0


class LogEnds:
    """Asks Kafka with a client of its own: it never joins the group, so it may be used in the middle of a rebalance.

    Parameters
    ----------
    config
        Topics, group and librdkafka settings.
    """

    def __init__(self, config: ProfilerConfig) -> None:
        self._topics = {PREDICTIONS: config.topics.predictions, LABELS: config.topics.labels}
        self._client = make_consumer({**config.kafka, "group.id": config.group, "enable.auto.commit": False})

    def __call__(self, shard: int) -> Log:
        """Return what Kafka holds of a shard, and what its owners have committed.

        Raises
        ------
        StoreUnavailableError
            Kafka does not say now: nothing may be decided, ask again.
        """
        places = {role: TopicPartition(topic, shard) for role, topic in self._topics.items()}
        with _asking(shard):
            spans = {
                role: range(*self._client.get_watermark_offsets(place, timeout=QUERY_SECONDS))
                for role, place in places.items()
            }
            found = self._client.committed(list(places.values()), timeout=QUERY_SECONDS)
        roles = {topic: role for role, topic in self._topics.items()}
        there = [place for place in found if place.error is None and place.offset >= 0]
        epochs = [int(said) for place in there if (said := place.metadata or "").isdecimal()]
        return Log(spans, {roles[place.topic]: place.offset for place in there}, max(epochs, default=0))


@contextmanager
def _asking(shard: int) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise StoreUnavailableError(
            f"Kafka does not say where the logs of shard {shard} begin and end ({error.args[0].str()})"
        ) from error
