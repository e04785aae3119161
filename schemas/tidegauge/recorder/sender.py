"""The part of a Recorder that belongs to one process: a producer, the thread that serves it, and the counts."""

import ctypes
import logging
import threading
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tidegauge.errors import SettingsError
from tidegauge.recorder.stats import Drop, DropReason, OnDrop, RecorderStats

_POLL_SECONDS: Final = 0.2
_ANY_PARTITION: Final = -1
_log = logging.getLogger("tidegauge")

Headers = list[tuple[str, str | bytes | None]]


class Sender:
    """Hands messages to librdkafka without ever waiting for it, and counts what becomes of each.

    Memory is librdkafka's queue: at most `queue.buffering.max.messages` and `queue.buffering.max.kbytes`.
    """

    def __init__(self, settings: Mapping[str, Any], on_drop: OnDrop | None) -> None:
        self._producer = _producer(settings)
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._recorded = 0
        self._delivered = 0
        self._dropped: Counter[DropReason] = Counter()
        self._partitions: dict[str, int] = {}
        self._closing = threading.Event()
        self._clean = False
        self._thread = threading.Thread(target=self._serve, name="tidegauge-recorder", daemon=True)
        self._thread.start()

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        partition: int = _ANY_PARTITION,
        headers: Headers | None = None,
        rows: int = 1,
    ) -> None:
        """Queue one message; one that does not fit is dropped and counted."""
        with self._lock:
            self._recorded += rows
        if self._closing.is_set():
            self._drop(Drop("closed", topic, key, value, rows, "the Recorder is closed"))
            return
        done = self._on_row if rows == 1 else partial(self._on_delivery, rows)
        try:  # no timestamp: the broker's clock is the reference for clocks that are wrong
            self._producer.produce(topic, value, key, partition, on_delivery=done, headers=headers or [])
        except BufferError as error:
            self._drop(Drop("queue_full", topic, key, value, rows, str(error)))
        except KafkaException as error:
            self._drop(_refused(error.args[0], topic, key, value, rows))

    def partitions(self, topic: str, timeout_seconds: float) -> int:
        """Partition count of a topic, 0 when Kafka does not say in time; known counts are kept."""
        if topic not in self._partitions:
            try:
                found = self._producer.list_topics(topic, timeout=timeout_seconds).topics[topic]
            except KafkaException:
                return 0
            if not found.partitions:
                return 0
            self._partitions[topic] = len(found.partitions)
        return self._partitions[topic]

    def lose(self, topic: str, rows: int) -> None:
        """Count rows for which no partition is known."""
        with self._lock:
            self._recorded += rows
        self._drop(Drop("no_metadata", topic, None, b"", rows, "Kafka did not say how many partitions there are"))

    def stats(self) -> RecorderStats:
        """Count what became of the rows so far."""
        with self._lock:
            dropped = dict(self._dropped)
            queued = self._recorded - self._delivered - sum(dropped.values())
            return RecorderStats(self._recorded, self._delivered, queued, dropped)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until nothing is queued; false when time ran out first."""
        return int(self._producer.flush(timeout_seconds)) == 0

    def close(self, timeout_seconds: float) -> bool:
        """Flush, drop and count what is left, stop the thread; false when something was left. The first call counts."""
        if self._closing.is_set():
            return self._clean
        self._closing.set()
        self._clean = self.flush(timeout_seconds)
        if not self._clean:
            self._producer.purge()
            self._producer.flush(1.0)  # serves the delivery reports of what was purged
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=2 * _POLL_SECONDS)
        return self._clean

    def abandon(self) -> None:
        """Leave the producer alone for ever: to destroy it waits for its threads.

        After a fork they live in the parent only. And a child that was forked while one of them resolved a name finds
        glibc's lock taken for ever (the GNU C library does not reset it), so its own threads may never end.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._producer))

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_SECONDS)

    def _on_row(self, error: KafkaError | None, message: Message) -> None:
        self._on_delivery(1, error, message)

    def _on_delivery(self, rows: int, error: KafkaError | None, message: Message) -> None:
        if error is None:
            with self._lock:
                self._delivered += rows
            return
        purged = error.code() in {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}  # noqa: SLF001 librdkafka's names
        reason: DropReason = "closed" if purged else "delivery"
        self._drop(Drop(reason, message.topic() or "", message.key(), message.value() or b"", rows, error.str()))

    def _drop(self, drop: Drop) -> None:
        with self._lock:
            first = not self._dropped
            self._dropped[drop.reason] += drop.rows
        if first:
            _log.warning("event not delivered to %s: %s (later ones are only counted)", drop.topic, drop.detail)
        if self._on_drop is None:
            return
        try:
            self._on_drop(drop)
        except Exception:  # noqa: BLE001 the hook is the service's, and may not break its request path
            _log.exception("on_drop failed")


def check(settings: Mapping[str, Any]) -> None:
    """Let librdkafka judge settings without connecting to anything, in some 4 ms.

    Raises
    ------
    SettingsError
        When librdkafka refuses them.
    """
    unconnected = {name: value for name, value in settings.items() if not name.startswith("test.mock.")}
    _producer({**unconnected, "bootstrap.servers": ""})


def _producer(settings: Mapping[str, Any]) -> Producer:
    try:
        return Producer(dict(settings), logger=logging.getLogger("tidegauge.kafka"))
    except KafkaException as error:
        raise SettingsError(error.args[0].str()) from error


def _refused(error: KafkaError, topic: str, key: bytes | None, value: bytes, rows: int) -> Drop:
    too_large = error.code() == KafkaError.MSG_SIZE_TOO_LARGE
    return Drop("too_large" if too_large else "delivery", topic, key, value, rows, error.str())
