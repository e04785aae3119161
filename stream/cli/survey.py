"""What `tidegauge status` looks at: Redis for the truth (offsets, watermarks, owners' epochs), Kafka for the ends."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from redis.exceptions import RedisError

from stream.app.groups import groups
from stream.checkpoint import ShardName, Store, connect
from stream.config import Settings
from stream.definitions.reader import DefinitionReader
from stream.errors import UnreachableError
from stream.kafka.clients import make_admin, make_consumer
from stream.kafka.topics import TopicNames, list_partitions
from stream.model.catalog import Catalog
from stream.monitor.alert_book import PREFIX as ALERT_PREFIX
from stream.monitor.alert_book import AlertKey, AlertMemory
from stream.monitor.streams import parse_field_name
from stream.profiler.counts import TopicCounts
from stream.profiler.state import META, Meta, decode_meta
from stream.store.reach import require_store, unreachable
from tidegauge.alerts import AlertKind

TIMEOUT_SECONDS = 10.0
BYTES_PER_PREDICTION = 24


@dataclass(frozen=True)
class ShardState:
    """One shard of the input topics, as its last checkpoint left it."""

    shard: int
    epoch: int
    seq: int
    owner: str
    lag: dict[str, int]
    meta: Meta
    outstanding: int
    """Predictions that a label may still reach (an upper bound: buckets expire whole)."""

    @property
    def counts(self) -> dict[str, TopicCounts]:
        """What became of every row, by topic."""
        return {"predictions": self.meta.predictions, "labels": self.meta.labels}


@dataclass(frozen=True)
class Survey:
    """Everything `tidegauge status` tells."""

    catalog: Catalog
    shards: tuple[ShardState, ...]
    monitor_lag: dict[int, int]
    firing: tuple[AlertKey, ...]
    members: dict[str, int]


def survey(settings: Settings) -> Survey:
    """Look at everything once; UnreachableError names the server that does not answer."""
    names = TopicNames(settings.prefix)
    admin = make_admin(settings.kafka_settings)
    partitions = list_partitions(admin, settings.kafka_settings)
    with closing(DefinitionReader(settings.kafka_settings, names.models)) as reader:
        catalog = reader.read_to_end()
    require_store(settings.redis.url.get_secret_value())
    store = connect(settings.redis.url.get_secret_value())
    owners, members = _owners(admin, settings)
    try:
        with closing(make_consumer({**settings.kafka_settings, "group.id": "tidegauge-status"})) as consumer:
            shards = tuple(
                _shard(store, consumer, settings, shard, owners.get(shard, "-"))
                for shard in range(partitions.get(names.predictions, 0))
            )
            monitors = range(partitions.get(names.profiles, 0))
            monitor_lag = {n: _monitor_lag(store, consumer, settings, names.profiles, n) for n in monitors}
            firing = tuple(key for n in monitors for key in _firing(store, settings, n))
    except RedisError as error:
        raise unreachable(error) from error
    finally:
        store.close()
    return Survey(catalog, shards, monitor_lag, firing, members)


def _shard(store: Store, consumer: Consumer, settings: Settings, shard: int, owner: str) -> ShardState:
    name = ShardName(settings.prefix, "profiler", shard)
    stored = _hash(store, name.meta)
    offsets = _offsets(stored)
    names = TopicNames(settings.prefix)
    lag = {
        role: _end(consumer, topic, shard) - offsets.get(role, 0)
        for role, topic in (("predictions", names.predictions), ("labels", names.labels))
    }
    pending = sum(int(size) for bucket, size in _hash(store, name.buckets).items() if bucket.startswith(b"p"))
    field = cast("bytes | None", store.execute_command("HGET", name.fields, META))
    return ShardState(
        shard=shard,
        epoch=int(stored.get(b"epoch", 0)),
        seq=int(stored.get(b"seq", 0)),
        owner=owner,
        lag=lag,
        meta=decode_meta({META: field} if field else {}),
        outstanding=pending // BYTES_PER_PREDICTION,
    )


def _monitor_lag(store: Store, consumer: Consumer, settings: Settings, topic: str, number: int) -> int:
    offsets = _offsets(_hash(store, ShardName(settings.prefix, "monitor", number).meta))
    return _end(consumer, topic, number) - offsets.get(topic, 0)


def _firing(store: Store, settings: Settings, number: int) -> Iterator[AlertKey]:
    for field, value in _hash(store, ShardName(settings.prefix, "monitor", number).fields).items():
        kind, parts = parse_field_name(field)
        if kind == ALERT_PREFIX and msgspec.msgpack.decode(value, type=AlertMemory).alert_id:
            yield AlertKey(*cast("tuple[str, str, str, AlertKind]", tuple(parts)))


def _hash(store: Store, name: str) -> dict[bytes, bytes]:
    return cast("dict[bytes, bytes]", store.execute_command("HGETALL", name))


def _offsets(stored: dict[bytes, bytes]) -> dict[str, int]:
    prefix = b"offset:"
    return {key[len(prefix) :].decode(): int(value) for key, value in stored.items() if key.startswith(prefix)}


def _end(consumer: Consumer, topic: str, partition: int) -> int:
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS)[1])
    except KafkaException as error:
        raise UnreachableError(f"Kafka did not say where {topic}[{partition}] ends: {error.args[0].str()}") from error


def _owners(admin: AdminClient, settings: Settings) -> tuple[dict[int, str], dict[str, int]]:
    """Which member of the profilers' group holds which shard, and how many members each group has."""
    owners: dict[int, str] = {}
    members: dict[str, int] = {}
    names = TopicNames(settings.prefix)
    asked = admin.describe_consumer_groups(list(groups(settings)), request_timeout=TIMEOUT_SECONDS)
    for group, future in asked.items():
        try:
            described = future.result()
        except KafkaException:  # no coordinator, or a broker without this call: owners are then not known
            continue
        members[group] = len(described.members)
        for member in described.members:
            for assigned in member.assignment.topic_partitions if member.assignment else ():
                if assigned.topic == names.predictions:
                    owners[assigned.partition] = f"{member.client_id}@{member.host}"
    return owners, members
