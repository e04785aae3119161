"""How far the workers are behind the replay: the embedded broker keeps only the last 5 MB of a partition.

What falls out of it is gone without an error, so the replay never runs further ahead than a fraction of that, and the
demo asserts at its end that every event was counted. The workers' offsets are read where they are true: in the
checkpoints. What the groups commit to Kafka follows seconds later, for lag tools.
"""

import time
from collections.abc import Callable

from confluent_kafka import KafkaException, TopicPartition
from redis.exceptions import RedisError

from stream.checkpoint import ShardName, connect
from stream.kafka.clients import make_consumer
from stream.kafka.topics import TopicNames

TIMEOUT_SECONDS = 10.0


class LagMeter:
    """Compares the ends of the input topics with the profilers' checkpoints."""

    def __init__(self, settings: dict[str, str], redis_url: str, prefix: str) -> None:
        self._consumer = make_consumer({**settings, "group.id": f"{prefix}demo-lag"})
        self._store = connect(redis_url)
        self._prefix = prefix
        names = TopicNames(prefix)
        self._topics = {"predictions": names.predictions, "labels": names.labels}

    def unread(self) -> list[int]:
        """Messages of each topic and partition produced and not yet covered by a checkpoint."""
        found = []
        for role, topic in self._topics.items():
            partitions = self._consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic].partitions
            for number in partitions:
                where = TopicPartition(topic, number)
                _, end = self._consumer.get_watermark_offsets(where, timeout=TIMEOUT_SECONDS)
                stored = self._store.execute_command(
                    "HGET", ShardName(self._prefix, "profiler", number).meta, f"offset:{role}"
                )
                found.append(end - int(stored or 0))
        return found

    def wait_below(self, messages: int, *, stop: Callable[[], bool], pause_seconds: float = 0.05) -> int:
        """Block until no partition is further behind than `messages`, or `stop()`; returns what is unread in all."""
        while True:
            try:
                unread = self.unread()
            except (KafkaException, RedisError):
                unread = [messages + 1]
            if max(unread) <= messages or stop():
                return sum(unread)
            time.sleep(pause_seconds)

    def close(self) -> None:
        """Close both clients."""
        self._consumer.close()
        self._store.close()
