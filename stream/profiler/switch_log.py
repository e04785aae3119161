"""Where a shard went over to a definition that it heard of too late: told to `history`, so that a replay can, too."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, Producer

from stream.history.records import encode_switches
from stream.profiler.shard import ShardCore


class SwitchLog:
    """Tells what shards did; what Kafka did not take is told again with a later checkpoint, or by the next owner.

    Parameters
    ----------
    producer
        Whose delivery reports are served by others.
    topic
        The `history` topic.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._told: dict[bytes, bytes | None] = {}

    def tell(self, core: ShardCore) -> None:
        """Tell what is news of a shard; only of what a checkpoint holds."""
        if not core.switches.written:
            return
        for model, value in core.switches.moved().items():
            for key, record in encode_switches(core.shard, model, value):
                if self._told.get(key) == record:
                    continue
                try:
                    self._producer.produce(self._topic, record, key, on_delivery=self._report(key))
                except BufferError:
                    return
                self._told[key] = record

    def _report(self, key: bytes) -> Callable[[KafkaError | None, Any], None]:
        def report(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                self._told.pop(key, None)

        return report
