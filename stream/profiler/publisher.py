"""Profiles and watermarks on their way to Kafka."""

from collections import deque
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, Message, Producer

from stream.profiler.bundles import MAX_BUNDLE_BYTES, Bundler, Outgoing
from stream.profiler.checkpoints import Publication
from stream.profiler.config import Cadence
from stream.profiler.deliveries import Deliveries
from stream.profiler.unread import Unread
from tidegauge.codec import encode_profiles
from tidegauge.profiles import WatermarkReport


class Publisher:
    """Producer side of the `profiles` topic; used by the profiler's thread alone.

    Parameters
    ----------
    producer
        With acks=all. Order does not matter: snapshots are ordered by (epoch, seq).
    topic, partitions
        The profiles topic.
    worker, inputs
        This worker's name and the partition count of the input topics, for watermark reports.
    cadence
        How often watermarks are told.
    gate
        Holds messages back; None lets everything pass.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        partitions: int,
        *,
        worker: str,
        inputs: int,
        cadence: Cadence,
        gate: Unread | None = None,
    ) -> None:
        self._producer, self._topic, self._partitions = producer, topic, partitions
        self._worker, self._inputs, self._cadence, self._gate = worker, inputs, cadence, gate
        self._bundler = Bundler(partitions, MAX_BUNDLE_BYTES if gate is None else gate.max_message_bytes)
        self._deliveries = Deliveries()
        self._queue: deque[Outgoing] = deque()
        self._queued_bytes = 0
        self._told_at = float("-inf")
        self._urgent = False
        self.messages = 0
        self.bytes = 0

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait for the gate or the producer."""
        return self._queued_bytes

    def publish(self, publication: Publication) -> None:
        """Send a publication's profiles."""
        self._bundler.add(self._deliveries.open(publication))

    def drop(self, shard: int) -> None:
        """Tell nothing more of a shard: it has another owner."""
        self._deliveries.drop(shard)

    def step(self, now: float) -> Iterable[Publication]:
        """Send what is ready, hear what arrived, tell watermarks when it is time; returns what arrived.

        `now` is in seconds of a monotonic clock.
        """
        for message in self._bundler.take():
            self._enqueue(message)
        self._pump()
        self._producer.poll(0)
        complete = list(self._deliveries.take_complete())
        self._urgent = self._urgent or any(publication.profiles for publication in complete)
        wait = self._cadence.closing_seconds if self._urgent else self._cadence.watermark_seconds
        if now - self._told_at >= wait and not self._queue:
            self._tell(now)
        return complete

    def flush(self, seconds: float) -> None:
        """Wait for what is on its way, at most `seconds`."""
        self._producer.flush(seconds)

    def _enqueue(self, message: Outgoing) -> None:
        self._queue.append(message)
        self._queued_bytes += len(message.payload)

    def _pump(self) -> None:
        while self._queue:
            message = self._queue[0]
            size = len(message.payload)
            if self._gate is not None and not self._gate.allows(message.partition, size):
                return
            if not self._send(message.partition, message.payload, message):
                return
            self._queue.popleft()
            self._queued_bytes -= size

    def _tell(self, now: float) -> None:
        """Send every partition all shards' watermarks, so that windows close for models that went quiet too."""
        watermarks = self._deliveries.watermarks
        if not watermarks:
            return
        report = WatermarkReport(worker=self._worker, partitions=self._inputs, shards=watermarks)
        payload = encode_profiles(report)
        if self._gate is None or all(self._gate.allows(p, len(payload)) for p in range(self._partitions)):
            for partition in range(self._partitions):
                self._send(partition, payload, None)
            self._told_at, self._urgent = now, False

    def _send(self, partition: int, payload: bytes, message: Outgoing | None) -> bool:
        try:
            self._producer.produce(
                self._topic, value=payload, partition=partition, on_delivery=self._on_delivery(payload, message)
            )
        except BufferError:
            return False
        if self._gate is not None:
            self._gate.sending(partition, len(payload))
        return True

    def _on_delivery(self, payload: bytes, message: Outgoing | None) -> Callable[[KafkaError | None, Message], None]:
        def arrived(error: KafkaError | None, record: Message) -> None:
            if self._gate is not None:
                self._gate.arrived(record.partition() or 0, -1 if error else record.offset() or 0, len(payload))
            if error is None:
                self.messages += 1
                self.bytes += len(payload)
                if message is not None:
                    message.arrived()
            elif message is not None:
                self._enqueue(message)  # a lost watermark is told again anyway; a lost profile must not be

        return arrived
