"""A plain consumer over both topics, tuned as the profiler's, for the limit and for the hand-written loops."""

from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

from load.peers.meter import Meter, Task

WAIT_SECONDS = 0.05


def batches(task: Task, meter: Meter) -> Iterator[list[Message]]:
    """Yield every message of both topics once, at most the task's `batch` at a time, and close the consumer in the end.

    The measurement begins here: what librdkafka fetches ahead belongs to the messages it fetches.
    """
    meter.begin()
    consumer = Consumer({
        "bootstrap.servers": task.bootstrap,
        "group.id": task.group,
        "fetch.queue.backoff.ms": "10",
        "queued.min.messages": "20000",
    })  # fmt: skip
    topics = (task.predictions_topic, task.labels_topic)
    consumer.assign([TopicPartition(topic, n, 0) for topic in topics for n in range(task.partitions)])
    left, size = task.messages, int(task.extra["batch"])
    while left:
        batch = consumer.consume(size, WAIT_SECONDS)
        left -= len(batch)
        yield batch
    consumer.close()
