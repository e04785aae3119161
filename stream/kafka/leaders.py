"""Waiting until the leaders of new topics serve: a broker names a partition's leader before that one knows of it.

What is produced in between is refused at first, and clients that send on meanwhile put it behind what came after, or
lose it (see `tidegauge.kafka_settings.ORDERED`).
"""

import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream.errors import UnreachableError

LEADERS_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.05
_FORBIDDEN: Final = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}

Place = tuple[str, int]


def require_leaders(
    admin: AdminClient, partitions: Mapping[str, int], settings: Mapping[str, str], seconds: float = LEADERS_SECONDS
) -> None:
    """Wait until every partition of some topics answers; UnreachableError names topics of which one does not in time.

    One that we may not look at counts as ready: who creates topics need not be allowed to describe them.
    """
    waiting: set[Place] = {(topic, number) for topic, count in partitions.items() for number in range(count)}
    deadline = time.monotonic() + seconds
    while waiting := set(_silent(admin, waiting, max(deadline - time.monotonic(), _PAUSE_SECONDS))):
        if time.monotonic() >= deadline:
            topics = ", ".join(sorted({topic for topic, _ in waiting}))
            raise UnreachableError(
                f"Kafka at {settings.get('bootstrap.servers')}: {len(waiting)} partitions have no leader after "
                f"{seconds:g} s ({topics}); are all brokers up? This command can be repeated"
            )
        time.sleep(_PAUSE_SECONDS)


def _silent(admin: AdminClient, places: Collection[Place], timeout_seconds: float) -> Collection[Place]:
    """Return the places that do not answer; all of them when no broker does."""
    if not places:
        return ()
    try:
        # Else a client that once heard of no such topic, from a broker that did not know yet, never asks again.
        admin.list_topics(timeout=timeout_seconds)
    except KafkaException:
        return places
    asked: dict[Any, OffsetSpec] = {TopicPartition(*place): OffsetSpec.latest() for place in places}
    answers = admin.list_offsets(asked, request_timeout=timeout_seconds)
    return [(place.topic, place.partition) for place, answer in answers.items() if not _served(answer)]


def _served(answer: Future[Any]) -> bool:
    try:
        answer.result()
    except KafkaException as error:
        return error.args[0].code() in _FORBIDDEN
    return True
