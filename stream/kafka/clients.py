"""The one place that makes Kafka clients: a setting librdkafka refuses is a clear error, and its log lines are ours.

librdkafka writes to stderr by itself, which breaks `--log json` and buries the one line a person needs. With a logger
its lines come out of `poll`, as records of the logger `stream.kafka`.
"""

import difflib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from stream.errors import ConfigurationError

_LOG: Final = logging.getLogger(__name__)

COMMON: Final = (
    "bootstrap.servers",
    "client.id",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
)
"""Names a mistyped one is compared with; librdkafka knows more, and takes them all."""

CONSUMER_BOUNDS: Final = {"queued.max.messages.kbytes": "32768", "fetch.max.bytes": "16777216"}
"""Fetched and not yet taken, of all partitions together; by default 64 MB, and 50 MB more in the fetch on its way."""

PRODUCER_BOUNDS: Final = {"queue.buffering.max.kbytes": "32768"}
"""Produced and not yet acknowledged. librdkafka's default is 1 GB: that is what a topic that is away would fill."""

PARTITION_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - confluent_kafka names librdkafka's own errors so
"""Code of the event that tells of a partition's end, with `enable.partition.eof`."""

Client = TypeVar("Client")


def make_consumer(settings: Mapping[str, Any]) -> Consumer:
    """Make a consumer; ConfigurationError names the property that librdkafka refuses."""
    return _make(Consumer, settings)


def make_producer(settings: Mapping[str, Any]) -> Producer:
    """Make a producer; raises as `make_consumer` does."""
    return _make(Producer, settings)


def make_admin(settings: Mapping[str, Any]) -> AdminClient:
    """Make an admin client; raises as `make_consumer` does."""
    return _make(AdminClient, settings)


def _make(kind: Callable[..., Client], settings: Mapping[str, Any]) -> Client:
    if not (settings.get("bootstrap.servers") or settings.get("test.mock.num.brokers")):
        raise ConfigurationError("kafka: bootstrap.servers is empty; give it as `host:port`, several with commas")
    try:
        return kind(dict(settings), logger=_LOG)
    except KafkaException as error:
        raise ConfigurationError(f"kafka: {_explain(error.args[0].str(), settings)}") from error


def _explain(text: str, settings: Mapping[str, Any]) -> str:
    """Add the nearest property to a complaint about one that does not exist, and its value's place to others."""
    for name in settings:
        if f'"{name}"' in text and "No such configuration property" in text:
            near = difflib.get_close_matches(name, COMMON, 1)
            return f"{name}: librdkafka has no such property" + (f"; did you mean `{near[0]}`?" if near else "")
    return text
