"""How far event time has come: the greatest that any shard reports, or that waits in the log to be read."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final, cast

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, Message, TopicPartition

from stream.definitions.reader import MISSING_TOPIC
from stream.errors import UnreachableError
from stream.kafka.clients import PARTITION_END, make_consumer
from stream.kafka.topics import TopicNames
from stream.profiler.config import ShardConfig
from tidegauge.codec import decode_prediction_message, decode_profiles
from tidegauge.errors import DecodeError
from tidegauge.events import PredictionBatch, Watermark
from tidegauge.profiles import WatermarkReport

PARTITION: Final = 0
"""Every worker sends every partition of `profiles` all its shards' watermarks once a second: one is enough."""

_LAST_REPORTS: Final = 500
_LAST_EVENTS: Final = 20
"""Of each partition: the newest is among them but for lateness, and a change is announced a minute ahead."""

_STEP_SECONDS: Final = 0.5


def newest_event_ms(
    settings: Mapping[str, str],
    topics: TopicNames,
    timeout_seconds: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> int | None:
    """Return the greatest event time (Unix ms) that workers have read, or are about to.

    Workers that lag, after an outage say, read what waits faster than they hear of a change that is made meanwhile: so
    once they have read anything, the end of `predictions` counts too.

    None when no worker has reported an event yet, or the topic does not exist. Where all reports have expired, as those
    of workers that were stopped for a day, the end of `predictions` tells; where that has, too, the clock, which no
    event is ahead of.

    Raises
    ------
    UnreachableError
        When Kafka does not answer in time.
    """
    config = {**settings, "group.id": "tidegauge-profiles", "enable.auto.commit": False, "enable.partition.eof": True}
    deadline = clock() + timeout_seconds
    try:
        with closing(make_consumer(config)) as consumer:
            reports = _last(consumer, topics.profiles, [PARTITION], _LAST_REPORTS, lambda: deadline - clock())
            reported = [_reported(message) for message in reports]
            if max(reported, default=-1) < 0 and (reported or not _written(consumer, topics.profiles, timeout_seconds)):
                return None
            found = consumer.list_topics(topics.predictions, timeout=timeout_seconds).topics[topics.predictions]
            events = _last(consumer, topics.predictions, found.partitions, _LAST_EVENTS, lambda: deadline - clock())
            newest_ms = max([*reported, *map(_happened, events)], default=-1)
            return time.time_ns() // 1_000_000 if newest_ms < 0 else newest_ms
    except KafkaException as error:
        if error.args[0].code() in MISSING_TOPIC:
            return None
        raise _unreachable(settings, error.args[0].str()) from error
    except TimeoutError as error:
        raise _unreachable(settings, str(error)) from error


def _written(consumer: Consumer, topic: str, timeout_seconds: float) -> bool:
    """Whether the partition of reports ever held a record, though nothing be left of it; raises KafkaException."""
    return bool(consumer.get_watermark_offsets(TopicPartition(topic, PARTITION), timeout=timeout_seconds)[1])


def _last(
    consumer: Consumer, topic: str, partitions: Iterable[int], count: int, remaining: Callable[[], float]
) -> Iterator[Message]:
    """Yield the last records of each partition; raises KafkaException, and TimeoutError."""
    places, ends = [], {}
    for partition in partitions:
        low, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=max(remaining(), 0.1))
        if end > low:
            places.append(TopicPartition(topic, partition, max(low, end - count)))
            ends[partition] = end
    consumer.assign(places)
    while ends:
        if remaining() < 0:
            raise TimeoutError(f"the end of {topic} was not read in time")
        # consume(n, t) waits for all n or for all of t: so wait for one, then take what lies there.
        for message in (*consumer.consume(1, _STEP_SECONDS), *consumer.consume(count, 0.0)):
            error = message.error()
            if error is None:
                yield message
                if (message.offset() or 0) + 1 >= ends.get(message.partition() or 0, 0):
                    ends.pop(message.partition() or 0, None)
            elif error.code() == PARTITION_END:
                # Behind the last record may stand a transaction's marker, never delivered.
                ends.pop(message.partition() or 0, None)


def _reported(message: Message) -> int:
    """Return the greatest event time of one report; -1 for profiles, and for shards that have read nothing."""
    try:
        report = decode_profiles(message.value() or b"")
    except DecodeError:
        return -1
    if not isinstance(report, WatermarkReport):
        return -1
    return max((shard.newest_ms for shard in report.shards), default=-1)


def _happened(message: Message) -> int:
    """Return the greatest event time of one message of `predictions`, as a shard will take it; -1 for rubbish."""
    try:
        event = decode_prediction_message(message.value() or b"")
    except DecodeError:
        return -1
    if isinstance(event, Watermark):
        return event.timestamp_ms
    if isinstance(event, PredictionBatch):
        newest_ms = max(cast("list[int]", event.timestamps_ms), default=-1)  # a list, in whichever form it came
    else:
        newest_ms = event.timestamp_ms
    kind, broker_ms = message.timestamp()
    return newest_ms if kind == TIMESTAMP_NOT_AVAILABLE else min(newest_ms, broker_ms + ShardConfig.max_skew_ms)


def _unreachable(settings: Mapping[str, str], what: str) -> UnreachableError:
    return UnreachableError(f"Kafka at {settings.get('bootstrap.servers')}: {what}; check kafka.bootstrap.servers")
