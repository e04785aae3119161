"""Sending outputs: each to its topic, acknowledged by all replicas, in order, once per attempt of ours."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError

from stream.app.learned import LearnedWriter
from stream.history.records import Record, encode_history
from stream.kafka.clients import PRODUCER_BOUNDS, make_producer
from stream.kafka.topics import TopicNames
from stream.monitor.outputs import History, HistoryPane, HistorySnapshot, LearnedModel, LearnedReference, Output
from tidegauge.alerts import Alert
from tidegauge.codec import encode
from tidegauge.kafka_settings import ORDERED
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

_LOG: Final = logging.getLogger(__name__)
_POLL_SECONDS: Final = 0.02

_OURS: Final = {
    **ORDERED,
    "partitioner": "murmur2_random",  # as Java's clients: an alert's transitions stay in one partition, in order
    "compression.type": "lz4",
    "linger.ms": 5,
}

Done = Callable[[bool], Any]
Message = Alert | Report | RetrainingRequest | History


class _Queued(NamedTuple):
    """A record of an output on its way, and what takes its delivery report."""

    topic: str
    key: bytes
    value: bytes | None
    report: Callable[[KafkaError | None, Any], None]


class KafkaPublisher:
    """Publishes alerts (key: alert id), reports and retraining requests (key: model), and what `history` keeps.

    Callbacks come in the loop.

    Parameters
    ----------
    settings
        librdkafka's settings; needs WRITE on the four topics.
    topics
        Their names.
    fail
        Told about an error that no repetition cures; called from `run`.
    """

    def __init__(self, settings: Mapping[str, str], topics: TopicNames, fail: Callable[[BaseException], None]) -> None:
        self._producer = make_producer({**PRODUCER_BOUNDS, **settings, **_OURS, "error_cb": self._on_error})
        self._topics = topics
        self._fail = fail
        self._rest: deque[_Queued] = deque()

    def publish(self, output: Message, on_done: Done) -> bool:
        """Start sending an output; False when the queue is full.

        A snapshot may be larger than the queue: the rest of it follows, before any other output.
        """
        if self._rest:
            return False
        topic, records = self._records(output)
        report = _reporter(on_done, len(records))
        self._rest.extend(_Queued(topic, *record, report) for record in records)
        if self._send_rest():
            return True
        self._rest.clear()
        return False

    async def run(self) -> None:
        """Serve delivery reports until cancelled."""
        try:
            while True:
                self._serve()
                await asyncio.sleep(_POLL_SECONDS)
        except Exception as error:  # noqa: BLE001 - a task nobody awaits must not end in silence
            self._fail(error)

    async def flush(self, timeout_seconds: float) -> None:
        """Wait until everything was answered, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while len(self._producer) or self._rest:
                    self._serve()
                    await asyncio.sleep(_POLL_SECONDS)

    def _serve(self) -> None:
        self._producer.poll(0)
        self._send_rest()

    def _send_rest(self) -> bool:
        """Queue what the queue takes; whether it took anything."""
        before = len(self._rest)
        with contextlib.suppress(BufferError):
            while self._rest:
                record = self._rest[0]
                self._producer.produce(record.topic, record.value, record.key, on_delivery=record.report)
                self._rest.popleft()
        return len(self._rest) < before

    def _records(self, output: Message) -> tuple[str, list[Record]]:
        match output:
            case Alert():
                return self._topics.alerts, [(output.alert_id.encode(), encode(output))]
            case Report():
                return self._topics.reports, [(output.model.encode(), encode(output))]
            case RetrainingRequest():
                return self._topics.retraining, [(output.model.encode(), encode(output))]
            case HistorySnapshot() | HistoryPane():
                return self._topics.history, encode_history(output)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fail(RuntimeError(f"Kafka's producer cannot go on: {error.str()}"))
        else:
            _LOG.warning("Kafka: %s", error.str())


class OutputPublisher:
    """Sends each output where it belongs: messages to their topics, what was learnt to `models`."""

    def __init__(self, messages: KafkaPublisher, models: LearnedWriter) -> None:
        self._messages = messages
        self._models = models

    def publish(self, output: Output, on_done: Done) -> bool:
        """Start sending; see `contract.Publisher.publish`."""
        if isinstance(output, LearnedModel | LearnedReference):
            return self._models.publish(output, on_done)
        return self._messages.publish(output, on_done)


def _reporter(on_done: Done, records: int) -> Callable[[KafkaError | None, Any], None]:
    """Return what takes the delivery reports of one output's records, and tells when all are in."""
    missing, acknowledged = records, True

    def report(error: KafkaError | None, _: Any) -> None:
        nonlocal missing, acknowledged
        if error is not None:
            _LOG.warning("Kafka did not take an output, it will be sent again: %s", error.str())
        missing, acknowledged = missing - 1, acknowledged and error is None
        if not missing:
            on_done(acknowledged)

    return report
