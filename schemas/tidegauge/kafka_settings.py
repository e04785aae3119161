"""librdkafka settings for services: what the user gave, then what Tidegauge needs, then defaults that suit it."""

from collections.abc import Mapping
from typing import Any

from tidegauge.errors import SettingsError

Servers = str | Mapping[str, Any]
"""A bootstrap string ("host:9092,host2:9092"), or a mapping of librdkafka's own property names."""

PARTITIONER = "murmur2_random"

ORDERED: Mapping[str, str] = {
    "enable.idempotence": "true",  # a retry neither repeats a message nor overtakes another
    "acks": "all",
    # librdkafka takes the success of a later request for that of an earlier one. A broker agrees, unless these are the
    # first that a partition has of this producer: if the first of those is refused (its leader is just being changed,
    # say), it is lost, and was reported as delivered. With one request at a time there is no later one.
    "max.in.flight.requests.per.connection": "1",
}
"""In order, each once, and reported as delivered only if it was."""

PRODUCER_DEFAULTS: Mapping[str, Any] = {
    **ORDERED,
    "compression.type": "lz4",
    "linger.ms": 20,  # a fifth of the requests, and nobody waits for an event
    "log.connection.close": False,  # brokers close idle connections all day
    "queue.buffering.max.kbytes": 65_536,  # librdkafka's own default is 1 GB of the service's memory
}

CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "log.connection.close": False,
    "topic.metadata.refresh.interval.ms": 10_000,  # a topic created after the subscription is not missed for 5 min
}


def producer_settings(servers: Servers, queue_size: int) -> dict[str, Any]:
    """Compose the settings of a Recorder's producer; at most `queue_size` messages wait in it.

    Raises
    ------
    SettingsError
        When `servers` names no bootstrap server, or another partitioner than murmur2.
    """
    settings = {**PRODUCER_DEFAULTS, "queue.buffering.max.messages": queue_size, **_given(servers)}
    if settings.setdefault("partitioner", PARTITIONER) != PARTITIONER:
        raise SettingsError(f"partitioner must be {PARTITIONER}: else labels do not find their predictions")
    return settings


def consumer_settings(servers: Servers, group: str, start: str) -> dict[str, Any]:
    """Compose the settings of an AlertStream's consumer: offsets move only past alerts whose handling is done."""
    return {
        **CONSUMER_DEFAULTS,
        **_given(servers),
        "group.id": group,
        "auto.offset.reset": start,
        "enable.auto.commit": True,
        "auto.commit.interval.ms": 1_000,
        "enable.auto.offset.store": False,
    }


def _given(servers: Servers) -> dict[str, Any]:
    settings = {"bootstrap.servers": servers} if isinstance(servers, str) else dict(servers)
    if not (settings.get("bootstrap.servers") or settings.get("test.mock.num.brokers")):
        raise SettingsError("bootstrap.servers is missing")
    return settings
