"""The Recorder: what a service calls."""

import copy
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tidegauge.codec import encode
from tidegauge.events import Feedback, Label, Prediction, Watermark
from tidegauge.kafka_settings import Servers, producer_settings
from tidegauge.recorder import frames, values
from tidegauge.recorder.calls import Call
from tidegauge.recorder.headers import event_headers
from tidegauge.recorder.lifetime import SenderOfProcess
from tidegauge.recorder.stats import OnDrop, RecorderStats


def now_ms() -> int:
    """Wall clock in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Make a random prediction id, 32 hexadecimal digits."""
    return uuid.uuid4().hex


class Recorder:
    """Publishes what one model predicts, and what became of it; safe from any thread, after `fork`, and in asyncio.

    `log`, `label`, `feedback` and `observe` never wait and never raise for Kafka's sake: events go into a bounded
    queue, and what does not fit or is not delivered is counted in `stats` and told to `on_drop`. An event that is not
    valid raises `EventError` at once and names the field. What is queued is flushed when the interpreter exits.

    Parameters
    ----------
    servers : str or mapping
        Bootstrap servers, or librdkafka settings (`bootstrap.servers`, `security.protocol`, `sasl.*`, `ssl.*`, ...).
    model, version : str
        What predicts.
    prefix : str
        Put before the topic names `predictions` and `labels`.
    queue_size : int
        Most messages that wait for Kafka; at most 64 MB unless `queue.buffering.max.kbytes` says otherwise.
    on_drop : callable, optional
        Called with a `Drop`, from the thread that logs or from the Recorder's own; what it raises is logged.
    feature_names : sequence of str
        Names of the features where rows come as plain arrays.
    cloudevents_source : str, optional
        Adds CloudEvents 1.0 headers (binary mode) with this `source`.
    exit_timeout_seconds : float
        How long exit waits for what is queued.
    clock, id_factory : callable
        Time in milliseconds, and ids for predictions that have none.

    Raises
    ------
    SettingsError
        When Kafka settings are refused.
    EventError
        When `model` is empty or too long.

    Examples
    --------
    >>> recorder = Recorder({"test.mock.num.brokers": 1}, model="planner", version="2013.1")
    >>> recorder.log(prediction_id="UA-17", features={"temp": 3.5, "carrier": "UA"}, prediction=0.2)
    'UA-17'
    >>> recorder.label("UA-17", "late")
    >>> recorder.close()
    True
    """

    def __init__(
        self,
        servers: Servers,
        *,
        model: str,
        version: str = "",
        prefix: str = "",
        queue_size: int = 100_000,
        on_drop: OnDrop | None = None,
        feature_names: Sequence[str] = (),
        cloudevents_source: str | None = None,
        exit_timeout_seconds: float = 5.0,
        clock: Callable[[], int] = now_ms,
        id_factory: Callable[[], str] = new_id,
    ) -> None:
        self.model = values.text_id(model, "model")
        self.version = values.version(version)
        self.predictions_topic = f"{prefix}predictions"
        self.labels_topic = f"{prefix}labels"
        self._feature_names = tuple(feature_names)
        self._source = cloudevents_source
        self._clock = clock
        self._id_factory = id_factory
        self._process = SenderOfProcess(producer_settings(servers, queue_size), on_drop, exit_timeout_seconds)

    def for_model(self, model: str, version: str = "") -> Self:
        """Return a Recorder for another model that shares this one's queue and connection, and so its order.

        For a service that hosts several models: with queues of their own one model's events could overtake the
        other's, and count as late. Closing either closes both.

        Raises
        ------
        EventError
            When `model` is empty or too long.
        """
        other = copy.copy(self)
        other.model = values.text_id(model, "model")
        other.version = values.version(version)
        return other

    def log(
        self,
        *,
        prediction: Any = None,
        prediction_id: Any = None,
        features: Any = None,
        probabilities: Any = None,
        latency_ms: float | None = None,
        error: str | None = None,
        segments: Mapping[str, Any] | None = None,
        signals: Mapping[str, Any] | None = None,
        timestamp_ms: int | None = None,
        traceparent: str | None = None,
    ) -> str:
        """Publish one prediction; returns its id (generated when none is given), to which labels refer.

        Parameters
        ----------
        prediction : number, str, vector or None
            A number is P(positive) for a binary task, the predicted value for a regression; a string is a class.
        prediction_id : str, int or UUID
            Unique within (model, version); a repeat within the label horizon counts once.
        features : mapping, pandas Series, named tuple, NumPy record, or array with `feature_names`
            Numbers, strings, truth values, None, vectors. A frame or matrix of one row is its row.
        probabilities : mapping or vector
            By class.
        latency_ms : float
            How long the service took.
        error : str
            What failed; makes the event count as an error.
        segments : mapping
            Values by which monitors split the traffic.
        signals : mapping
            Numbers that travel with the prediction, for other readers of the topic; no monitor watches them.
        timestamp_ms : int
            Event time, now by default.
        traceparent : str
            W3C trace context, as a header of the message, for other readers of the topic.

        Raises
        ------
        EventError
            When a value is not valid.
        """
        identity = self._id_factory() if prediction_id is None else values.text_id(prediction_id)
        failure = values.optional_text(error, "error")
        event = Prediction(
            prediction_id=identity,
            model=self.model,
            timestamp_ms=self._clock() if timestamp_ms is None else values.timestamp(timestamp_ms),
            version=self.version,
            features=values.feature_row(features, self._feature_names),
            prediction=values.prediction_value(prediction),
            probabilities=values.probabilities(probabilities),
            latency_ms=None if latency_ms is None else values.optional_number(latency_ms, "latency_ms"),
            status="ok" if failure is None else "error",
            error=failure,
            segments=values.segments(segments),
            signals=values.signals(signals),
        )
        headers = event_headers("prediction", identity, traceparent, self._source)
        self._process.here().send(self.predictions_topic, encode(event), key=identity.encode(), headers=headers)
        return identity

    def label(self, prediction_id: Any, label: Any, *, timestamp_ms: int | None = None) -> None:
        """Publish the outcome of a prediction; a later one (by `timestamp_ms`) corrects it.

        Raises
        ------
        EventError
            When the label is missing or not a number, string or truth value.
        """
        identity = values.text_id(prediction_id)
        event = Label(
            prediction_id=identity,
            label=values.label_value(label),
            timestamp_ms=self._clock() if timestamp_ms is None else values.timestamp(timestamp_ms),
            model=self.model,
        )
        self._send_label("label", identity, encode(event))

    def feedback(self, prediction_id: Any, signals: Mapping[str, Any], *, timestamp_ms: int | None = None) -> None:
        """Publish numbers learnt after a prediction was served: thumbs, conversion, value.

        For other readers of the topic: workers count them and leave them out, no monitor watches them.

        Raises
        ------
        EventError
            When a signal is not a number.
        """
        identity = values.text_id(prediction_id)
        event = Feedback(
            prediction_id=identity,
            timestamp_ms=self._clock() if timestamp_ms is None else values.timestamp(timestamp_ms),
            model=self.model,
            signals=values.signals(signals),
        )
        self._send_label("feedback", identity, encode(event))

    def observe(
        self,
        *,
        features: Any = None,
        prediction_id: Any = None,
        segments: Mapping[str, Any] | None = None,
        signals: Mapping[str, Any] | None = None,
        traceparent: str | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> Call:
        """Time a prediction: `with recorder.observe(features=row) as call: call.prediction = model(row)`.

        An exception that leaves the block is recorded as an error and goes on. Event time is the block's end.

        Raises
        ------
        EventError
            At once, when features are not valid; at the end of the block, when the prediction is not.
        """
        row = values.feature_row(features, self._feature_names)

        def publish(call: Call) -> None:
            self.log(
                prediction_id=call.prediction_id,
                features=row,
                prediction=call.prediction,
                probabilities=call.probabilities,
                latency_ms=call.latency_ms,
                error=call.error,
                segments=call.segments,
                signals=call.signals,
                traceparent=traceparent,
            )

        identity = self._id_factory() if prediction_id is None else values.text_id(prediction_id)
        return Call(identity, publish, timer, dict(values.segments(segments)), dict(values.signals(signals)))

    def log_frame(
        self,
        frame: Any,
        *,
        columns: Mapping[str, frames.ColumnName] | None = None,
        features: Sequence[frames.ColumnName] | None = None,
        segments: Sequence[frames.ColumnName] = (),
        signals: Sequence[frames.ColumnName] = (),
        packed: bool = True,
        metadata_timeout_seconds: float = 5.0,
    ) -> int:
        """Publish a frame's rows as one batch per partition (more where it would exceed 900 kB); returns their number.

        Takes pandas and polars frames, Arrow tables, NumPy structured arrays, mappings of columns. The columns
        `prediction_id` and, where there are, `timestamp` (date-times, UTC without a zone; or `timestamp_ms`),
        `prediction`, `probabilities`, `latency_ms`, `error` have their role by name; `columns` renames them, as in
        {"prediction_id": "flight"}, or 0 where columns are numbered. All others are features, but for the named
        segments and signals and for labels.
        Numbers and repeated text travel as packed bytes within the JSON, which a worker reads several times faster;
        `packed=False` writes lists, for readers that know no other form.

        For batch jobs: unlike `log` it may wait for Kafka, once, for the number of partitions; without an answer
        the rows are dropped and counted.

        Raises
        ------
        EventError
            When a column is missing or a value is not valid; nothing was sent then.
        """
        layout = frames.FrameLayout.of(columns or {}, features, segments, signals)
        batch = frames.batch_of(frame, layout, model=self.model, version=self.version, now_ms=self._clock())
        rows = len(batch.prediction_ids)
        if not rows:
            return 0
        sender = self._process.here()
        partitions = sender.partitions(self.predictions_topic, metadata_timeout_seconds)
        if not partitions:
            sender.lose(self.predictions_topic, rows)
            return rows
        for message in frames.messages(batch, partitions, pack=packed):
            headers = event_headers("batch", message.first_id, None, self._source)
            key = message.first_id.encode()
            sender.send(
                self.predictions_topic,
                message.value,
                key=key,
                partition=message.partition,
                headers=headers,
                rows=message.rows,
            )
        return rows

    def watermark(self, timestamp_ms: int, *, metadata_timeout_seconds: float = 5.0) -> bool:
        """Say that nothing older than `timestamp_ms` follows, on every partition of both topics.

        A log has no end: what replays one ends with this, so that every window closes. It follows everything this
        Recorder was given before. May wait for the number of partitions; false when Kafka does not say.
        """
        value = encode(Watermark(timestamp_ms=values.timestamp(timestamp_ms)))
        sender = self._process.here()
        counts = {
            topic: sender.partitions(topic, metadata_timeout_seconds)
            for topic in (self.predictions_topic, self.labels_topic)
        }
        for topic, partitions in counts.items():
            for partition in range(partitions):
                sender.send(topic, value, partition=partition)
        return all(counts.values())

    @property
    def stats(self) -> RecorderStats:
        """Rows recorded, delivered, queued, dropped by reason."""
        return self._process.stats()

    def flush(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until what was recorded is delivered; false when time ran out first."""
        return self._process.flush(timeout_seconds)

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Flush and end; false when something had to be dropped. Events recorded later are counted as dropped."""
        return self._process.close(timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _send_label(self, kind: str, identity: str, value: bytes) -> None:
        headers = event_headers(kind, identity, None, self._source)
        self._process.here().send(self.labels_topic, value, key=identity.encode(), headers=headers)
