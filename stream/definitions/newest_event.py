"""How far the workers have read, asked of the profiles topic: the greatest event time that any shard reports."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

from confluent_kafka import KafkaException, TopicPartition

from stream.definitions.reader import MISSING_TOPIC
from stream.errors import UnreachableError
from stream.kafka.clients import make_consumer
from tidegauge.codec import decode_profiles
from tidegauge.errors import DecodeError
from tidegauge.profiles import WatermarkReport

PARTITION: Final = 0
"""Every worker sends every partition of the topic all its shards' watermarks once a second: one is enough."""

_LAST_MESSAGES: Final = 500
_STEP_SECONDS: Final = 0.5


def newest_event_ms(
    settings: Mapping[str, str],
    topic: str,
    timeout_seconds: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> int | None:
    """Return the greatest event time (Unix ms) in the last watermarks of `topic`.

    None when it holds none, or does not exist.

    Raises
    ------
    UnreachableError
        When Kafka does not answer in time.
    """
    config = {**settings, "group.id": "tidegauge-profiles", "enable.auto.commit": False, "enable.partition.eof": False}
    deadline = clock() + timeout_seconds
    with closing(make_consumer(config)) as consumer:
        try:
            low, end = consumer.get_watermark_offsets(TopicPartition(topic, PARTITION), timeout=timeout_seconds)
        except KafkaException as error:
            if error.args[0].code() in MISSING_TOPIC:
                return None
            raise _unreachable(settings, error.args[0].str()) from error
        offset = max(low, end - _LAST_MESSAGES)
        consumer.assign([TopicPartition(topic, PARTITION, offset)])
        newest = None
        while offset < end:
            if clock() > deadline:
                raise _unreachable(settings, f"{topic} was not read in {timeout_seconds:g} s")
            for message in consumer.consume(end - offset, _STEP_SECONDS):
                if message.error() is None:
                    offset = (message.offset() or 0) + 1
                    newest = max(newest or -1, _newest(message.value() or b""))
    return newest if newest is not None and newest >= 0 else None


def _newest(raw: bytes) -> int:
    """Greatest event time of one message; -1 for profiles, and for shards that have read nothing."""
    try:
        message = decode_profiles(raw)
    except DecodeError:
        return -1
    if not isinstance(message, WatermarkReport):
        return -1
    return max((shard.newest_ms for shard in message.shards), default=-1)


def _unreachable(settings: Mapping[str, str], what: str) -> UnreachableError:
    return UnreachableError(f"Kafka at {settings.get('bootstrap.servers')}: {what}; check kafka.bootstrap.servers")
