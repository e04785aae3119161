"""The AlertStream: alerts as they come, at least once, repeats dropped."""

import asyncio
import logging
import time
import uuid
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Literal, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tidegauge.alerts import Alert, AlertKind, Severity
from tidegauge.codec import decode_alert
from tidegauge.errors import AlertStreamError, DecodeError, SettingsError
from tidegauge.kafka_settings import Servers, consumer_settings
from tidegauge.subscribe.selection import Inbox, Selection

POLL_SECONDS: Final = 0.2
PLACE_SECONDS: Final = 5.0
_HOPELESS: Final = frozenset({
    KafkaError._AUTHENTICATION,  # noqa: SLF001 librdkafka names its own errors with an underscore
    KafkaError._FATAL,  # noqa: SLF001
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
})  # fmt: skip
_AWAITED: Final = "Failed to acquire SASL OAUTHBEARER token"  # librdkafka keeps the old one, and asks anew in 10 s
_log = logging.getLogger("tidegauge")


class AlertStream:
    """Iterate over alerts, with `for` or `async for`; each transition once by (alert_id, seq), lower ones ignored.

    An alert counts as handled when the loop asks for the next one, or when a `with` block ends without an exception:
    only then its offset is stored, and committed within a second and at the end. What was not handled comes again.
    Repeats are known within one process and for the `remember` alerts used last.

    Parameters
    ----------
    servers : str or mapping
        Bootstrap servers, or librdkafka settings.
    group : str, optional
        Consumer group: its members share the alerts, its place is kept. Without one, a group of its own for this run.
    model : str
        Glob, "plan*" for example; case matters.
    min_severity : {"info", "warning", "error", "critical"}
        Least severity; once an alert has reached it, its later transitions follow whatever theirs is.
    kinds : collection of str
        Kinds of alerts, as `Alert.kind` has them ("features" and "score" are drift); empty means all.
    start : {"latest", "earliest"}
        Where a group without a place begins. "latest": at the end, and from then on that is its place: what comes while
        it is away is told when it is back.
    prefix : str
        Put before the topic name `alerts`.
    idle_seconds : float, optional
        The iteration ends after so long without an alert; None: never.
    remember : int
        How many alerts are remembered, some 200 bytes each.
    timer : callable
        Seconds, monotonic; used for `idle_seconds`.

    Raises
    ------
    SettingsError
        When Kafka settings are refused.
    ValueError
        When `min_severity`, `start` or one of `kinds` is none that there is.
    AlertStreamError
        While iterating: when Kafka refuses the subscription. Who goes on all the same asks it again. When it is away,
        or whoever gives OAuth tokens, the stream waits.

    Examples
    --------
    >>> with AlertStream({"test.mock.num.brokers": 1}, group="pager", model="plan*", idle_seconds=0.1) as stream:
    ...     for alert in stream:
    ...         print(alert.summary)
    """

    def __init__(
        self,
        servers: Servers,
        *,
        group: str | None = None,
        model: str = "*",
        min_severity: Severity = "info",
        kinds: Collection[AlertKind] = (),
        start: Literal["latest", "earliest"] = "latest",
        prefix: str = "",
        idle_seconds: float | None = None,
        remember: int = 10_000,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        if start not in {"latest", "earliest"}:
            raise ValueError(f'start must be "latest" or "earliest", not {start!r}')
        self._inbox = Inbox(Selection(model, min_severity, kinds), remember)
        self._idle_seconds = idle_seconds
        self._timer = timer
        self._current: Message | None = None
        self._poller = ThreadPoolExecutor(1, thread_name_prefix="tidegauge-alerts")
        self._polling: Future[Alert | None] | None = None
        self._closed = False
        settings = consumer_settings(servers, group or f"tidegauge-alerts-{uuid.uuid4().hex}", start)
        self._trouble = settings["error_cb"] = _Trouble(settings.get("error_cb"))
        try:
            self._consumer = Consumer(settings, logger=logging.getLogger("tidegauge.kafka"))
        except (KafkaException, SystemError) as error:
            raise SettingsError(_refusal(error)) from error
        keeps = {"on_assign": _take_places} if group and start == "latest" else {}
        self._consumer.subscribe([f"{prefix}alerts"], **keeps)
        # Also when nobody calls close(): leaves the group, or a restart would wait for the session to time out.
        self._leave = weakref.finalize(self, self._consumer.close)

    def __iter__(self) -> "AlertStream":
        return self

    def __next__(self) -> Alert:
        self._handled()
        started = self._timer()
        while not self._ended(started):
            alert = self._poll()
            if alert is not None:
                return alert
        raise StopIteration

    def __aiter__(self) -> "AlertStream":
        return self

    async def __anext__(self) -> Alert:
        started = self._timer()
        if self._polling is None:
            self._handled()
        while not self._ended(started):
            self._polling = self._polling or self._poller.submit(self._poll)
            try:
                alert = await asyncio.shield(asyncio.wrap_future(self._polling))
            except AlertStreamError:
                self._polling = None  # it has been told: the next call looks again
                raise
            self._polling = None  # cancelled above, it stays: the next call takes what it finds
            if alert is not None:
                return alert
        raise StopAsyncIteration

    def close(self) -> None:
        """End the iteration and leave the group; the alert handed out last is not counted as handled."""
        if self._closed:
            return
        self._closed = True
        self._poller.shutdown(wait=True)
        self._leave()  # commits the offsets that were stored

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # While a wait was cut off, what its poll finds has been handed to nobody.
        if error is None and not self._closed and self._polling is None:
            self._handled()
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

    def _ended(self, started: float) -> bool:
        waited = self._timer() - started
        return self._closed or (self._idle_seconds is not None and waited >= self._idle_seconds)

    def _poll(self) -> Alert | None:
        """One short look at Kafka: an alert that was asked for and is news, or None."""
        message = self._consumer.poll(POLL_SECONDS)
        if (refused := self._trouble.taken()) is not None:
            raise AlertStreamError(refused.str())
        if message is None:
            return None
        if (error := message.error()) is not None:
            if _is_hopeless(error):
                raise AlertStreamError(error.str())
            return None  # brokers away, topic not created yet: librdkafka tries again by itself
        self._current = message
        alert = _decoded(message)
        if alert is not None and self._inbox.admits(alert):
            return alert
        self._handled()
        return None

    def _handled(self) -> None:
        message, self._current = self._current, None
        if message is None or self._closed:
            return
        try:
            self._consumer.store_offsets(message)
        except KafkaException as error:  # the partition went to another member, which starts at what was committed
            _log.debug("offset of an alert not stored: %s", error.args[0].str())


class _Trouble:
    """What librdkafka tells beside messages, that it was refused the log-in above all; the next poll says it.

    No method of the stream: the consumer would keep a forgotten one alive.
    """

    def __init__(self, told_too: Callable[[KafkaError], None] | None) -> None:
        self._told_too = told_too
        self._hopeless: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if _is_hopeless(error):
            self._hopeless = error
        if self._told_too is not None:
            self._told_too(error)

    def taken(self) -> KafkaError | None:
        """Take what is hopeless, once: librdkafka goes on trying and says so again, or it is over."""
        hopeless, self._hopeless = self._hopeless, None
        return hopeless


def _is_hopeless(error: KafkaError) -> bool:
    return error.fatal() or (error.code() in _HOPELESS and not error.str().startswith(_AWAITED))


def _refusal(error: BaseException) -> str:
    """Say why there is no consumer; Python wraps the reason where a callback ran after `oauth_cb` had raised."""
    reason = error if isinstance(error, KafkaException) else error.__cause__
    return str(reason.args[0].str()) if isinstance(reason, KafkaException) else str(error)


def _take_places(consumer: Consumer, places: list[TopicPartition]) -> None:
    """Commit the end of each partition where the group has no place yet, before anything comes.

    Without it a partition on which no alert came has no place, and the first one that comes while the group is away
    would be its past. Not a method: the consumer would keep a forgotten stream alive.
    """
    try:
        new = [place for place in consumer.committed(places, timeout=PLACE_SECONDS) if place.offset < 0]
        for place in new:
            place.offset = consumer.get_watermark_offsets(place, timeout=PLACE_SECONDS)[1]
        if new:
            consumer.commit(offsets=new, asynchronous=False)
    except KafkaException as error:
        _log.warning("the group's place could not be noted: %s", error.args[0].str())


def _decoded(message: Message) -> Alert | None:
    try:
        return decode_alert(message.value() or b"")
    except DecodeError as error:
        _log.warning("message %s of partition %s is no alert: %s", message.offset(), message.partition(), error)
        return None
