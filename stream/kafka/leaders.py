"""Waiting until the leaders of new topics serve: a broker names a partition's leader before that one knows of it.

What is produced in between is refused at first, and clients that send on meanwhile put it behind what came after, or
lose it (see `clients.ORDERED`).
"""

import time
from collections.abc import Collection, Iterator, Mapping
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


def _silent(admin: AdminClient, places: Collection[Place], timeout_seconds: float) -> Iterator[Place]:
    if not places:
        return
    asked: dict[Any, OffsetSpec] = {TopicPartition(*place): OffsetSpec.latest() for place in places}
    for place, future in admin.list_offsets(asked, request_timeout=timeout_seconds).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() not in _FORBIDDEN:
                yield place.topic, place.partition
