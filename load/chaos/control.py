"""The control: increment, then commit. State lands in Redis without the offset; only Kafka is told how far it was read.

It looks innocent and passes every test in which nobody dies: what is lost between the two is counted twice after a
kill. A suite that it passes proves nothing, so it must fail.
"""

from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from stream.app.groups import groups
from stream.checkpoint import Delta, Loaded, Outcome, Resumed, ShardName, StoreUnavailableError, SyncRunner
from stream.config import Settings
from stream.kafka.clients import make_consumer
from stream.kafka.topics import TopicNames
from stream.profiler.decode import LABELS, PREDICTIONS


class ForgetfulRunner(SyncRunner):
    """Leaves the offsets out of every checkpoint, and takes them from Kafka's group at takeover."""

    def __init__(self, client: Any, shard: ShardName, *, settings: Settings, **options: Any) -> None:
        super().__init__(client, shard, **options)
        names = TopicNames(settings.prefix)
        self._kafka = {**settings.kafka_settings, "group.id": groups(settings)[0], "enable.auto.commit": False}
        self._topics = {PREDICTIONS: names.predictions, LABELS: names.labels}
        self._stripped: tuple[Delta, Delta] | None = None

    def commit(self, delta: Delta) -> Outcome:
        """Write everything but the offsets."""
        if self._stripped is None or self._stripped[0] is not delta:
            self._stripped = (delta, replace(delta, offsets={}))
        return super().commit(self._stripped[1])

    def take_over(self) -> Loaded:
        """Load the state, and the offsets from where Kafka has them."""
        return self._with_committed(super().take_over())

    def retake(self) -> Loaded | Resumed:
        """Do the same after a pause; what is still in memory knows its own offsets."""
        state = super().retake()
        return self._with_committed(state) if isinstance(state, Loaded) else state

    def _with_committed(self, loaded: Loaded) -> Loaded:
        roles = {topic: role for role, topic in self._topics.items()}
        consumer = make_consumer(self._kafka)
        try:
            places = [TopicPartition(topic, self.shard.shard) for topic in roles]
            found = consumer.committed(places, timeout=10)
        except KafkaException as error:  # it must fail for its counts, not for a broker's death
            raise StoreUnavailableError(f"Kafka did not tell the committed offsets ({error})") from error
        finally:
            consumer.close()
        return replace(loaded, offsets={roles[place.topic]: place.offset for place in found if place.offset >= 0})
