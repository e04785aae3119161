"""The consumer: both input topics, in one group, with the partitions of a shard always together."""

from collections.abc import Callable, Mapping
from itertools import groupby

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from stream.checkpoint import StateLostError
from stream.errors import ConfigurationError, UnreachableError
from stream.kafka.clients import CONSUMER_BOUNDS, PARTITION_END, make_admin, make_consumer
from stream.profiler.config import ProfilerConfig
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.messages import RawBatch
from stream.profiler.seen_ends import SeenEnds

QUERY_SECONDS = 5.0
CLASSIC_TIMEOUTS: dict[str, str | int | bool] = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000}
"""A killed worker is missed after six seconds."""


class Inputs:
    """Consumer of `predictions` and `labels`; for one thread.

    Parameters
    ----------
    config
        Topics, group and librdkafka settings.
    on_assign, on_revoke
        Called from within `read` with shards that came or went (`lost`: without notice). `on_assign` returns those it
        took over, with their next offsets by role; the others are left alone until `start` is called for them.
    """

    def __init__(
        self,
        config: ProfilerConfig,
        on_assign: Callable[[list[int]], Mapping[int, Mapping[str, int]]],
        on_revoke: Callable[[list[int], bool], None],
    ) -> None:
        self._topics = {PREDICTIONS: config.topics.predictions, LABELS: config.topics.labels}
        self._roles = {topic: role for role, topic in self._topics.items()}
        self._config, self._on_assign, self._on_revoke = config, on_assign, on_revoke
        self._incremental = config.group_protocol == "consumer"
        self._consumer = make_consumer(_settings(config))
        self._running: dict[int, Mapping[str, int]] = {}
        self._paused: set[tuple[str, int]] = set()
        self._ends = SeenEnds()
        self._consumer.subscribe(
            list(self._roles),
            on_assign=self._assigned,
            on_revoke=lambda _, places: self._revoked(places, lost=False),
            on_lost=lambda _, places: self._revoked(places, lost=True),
        )

    def read(self, count: int, seconds: float) -> dict[tuple[str, int], RawBatch]:
        """Up to `count` messages by (role, shard), in the order of their offsets; runs the callbacks."""
        messages = self._consumer.consume(count, seconds)
        ends: list[Message] = []
        if any(map(Message.error, messages)):
            for message in messages:
                _judge(message)
            ends = [message for message in messages if _is_end(message)]
            messages = [message for message in messages if message.error() is None]
        collected: dict[tuple[str, int], RawBatch] = {}
        # By column and by run: six calls a message are dear, and a fetch brings hundreds of one partition in a row.
        first = 0
        for (topic, shard), run in groupby(zip(map(Message.topic, messages), map(Message.partition, messages))):  # noqa: B905 - one list
            last = first + len(list(run))
            if topic is not None and shard is not None:
                part, key = _columns(shard, messages[first:last]), (self._roles[topic], shard)
                collected[key] = collected[key].then(part) if key in collected else part
            first = last
        for key, batch in collected.items():
            self._ends.deliver(key, batch.offsets[-1])
        for message in ends:
            self._ends.meet((self._roles[message.topic() or ""], message.partition() or 0), message.offset() or 0)
        return collected

    def start(self, offsets: Mapping[int, Mapping[str, int]]) -> None:
        """Read shards from these next offsets on, whatever was read of them before."""
        places = [place for shard, next_offsets in offsets.items() for place in self._places(shard, next_offsets)]
        if self._incremental:
            moved = [p for shard in offsets.keys() & self._running.keys() for p in self._places(shard, {})]
            if moved:
                self._consumer.incremental_unassign(moved)
            self._running.update(offsets)
            self._ends.forget(offsets)
            self._consumer.incremental_assign(places)
        else:
            self._running.update(offsets)
            self._ends.forget(self._running)
            everything = self._running.items()
            self._consumer.assign([p for shard, next_offsets in everything for p in self._places(shard, next_offsets)])
        # A pause outlives the assignment it was made under.
        self._consumer.resume(places)
        self._paused = {pair for pair in self._paused if pair[1] not in offsets}

    def read_until(self, offsets: Mapping[int, Mapping[str, int]]) -> None:
        """Note how far shards were read: where they go on if the assignment has to be made again."""
        self._running.update((shard, o) for shard, o in offsets.items() if shard in self._running)

    def hold(self, wanted: set[tuple[str, int]]) -> None:
        """Pause exactly these (role, shard)s; what was paused before and is not named goes on."""
        running = {pair for pair in wanted if pair[1] in self._running}
        if pause := running - self._paused:
            self._consumer.pause([TopicPartition(self._topics[role], shard) for role, shard in sorted(pause)])
        if resume := {pair for pair in self._paused - running if pair[1] in self._running}:
            self._consumer.resume([TopicPartition(self._topics[role], shard) for role, shard in sorted(resume)])
        self._paused = running

    def unread(self, role: str, shard: int, next_offset: int | None) -> int | None:
        """How many offsets lie between `next_offset` and the log's end as last heard; None while that is unknown.

        Those are left out that are known never to be delivered: markers of transactions, and what was aborted.
        """
        place = TopicPartition(self._topics[role], shard)
        try:
            first, end = self._consumer.get_watermark_offsets(place, cached=True)
        except KafkaException:
            return None
        if end < 0:
            return None
        counted = first if next_offset is None else max(next_offset, first)
        return int(max(end - self._ends.passed((role, shard), counted), 0))

    def caught_up(self, role: str, shard: int, next_offset: int | None) -> bool:
        """Whether nothing can be read now, as far as is known; an open transaction may hold what is unread."""
        met = self._ends.at_end((role, shard), next_offset or 0)
        return met or self.unread(role, shard, next_offset) == 0

    def commit(self, offsets: Mapping[int, Mapping[str, int]], epochs: Mapping[int, int]) -> None:
        """Tell Kafka how far we are, for lag tools, and under which epoch: no worker starts from it."""
        places = [
            TopicPartition(self._topics[role], shard, offset, str(epochs[shard]))
            for shard, next_offsets in offsets.items()
            for role, offset in next_offsets.items()
        ]
        try:
            if places:
                self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException:
            pass

    def close(self) -> None:
        """Leave the group; runs `on_revoke`."""
        self._consumer.close()

    def _places(self, shard: int, next_offsets: Mapping[str, int]) -> list[TopicPartition]:
        offsets = {topic: next_offsets.get(role, OFFSET_BEGINNING) for role, topic in self._topics.items()}
        return [TopicPartition(topic, shard, offset) for topic, offset in offsets.items()]

    def _assigned(self, _: Consumer, places: list[TopicPartition]) -> None:
        shards = sorted({place.partition for place in places})
        if not self._incremental:
            self._running, self._paused = {}, set()
        offsets = self._on_assign(shards)
        if offsets or not self._incremental:
            self.start(offsets)
        else:
            self._consumer.incremental_assign([])

    def _revoked(self, places: list[TopicPartition], *, lost: bool) -> None:
        shards = sorted({place.partition for place in places})
        self._on_revoke(shards, lost)
        for shard in shards:
            self._running.pop(shard, None)
        self._paused = {pair for pair in self._paused if pair[1] in self._running}
        self._ends.forget(shards)


def _columns(shard: int, messages: list[Message]) -> RawBatch:
    kinds, times_ms = zip(*map(Message.timestamp, messages), strict=True)
    if TIMESTAMP_NOT_AVAILABLE in kinds:
        times_ms = tuple(-1 if k == TIMESTAMP_NOT_AVAILABLE else at for k, at in zip(kinds, times_ms, strict=True))
    offsets = [offset for offset in map(Message.offset, messages) if offset is not None]
    return RawBatch(shard, offsets, list(times_ms), list(map(Message.value, messages)))


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == PARTITION_END


def _judge(message: Message) -> None:
    """Raise for an error that waiting does not cure; the client mends the others by itself."""
    error = message.error()
    if error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - its public name
        raise StateLostError(
            f"the next record of shard {message.partition()} is not in {message.topic()} any more: did it expire "
            f"unread, or was the topic created anew? ({error.str()})"
        )
    if error is not None and error.fatal():
        raise UnreachableError(f"Kafka: {error.str()}")


def partition_count(kafka: Mapping[str, str], topic: str) -> int:
    """Partitions of a topic; ConfigurationError when it is not there, UnreachableError when Kafka does not answer."""
    try:
        found = make_admin(kafka).list_topics(topic, timeout=QUERY_SECONDS * 2).topics[topic]
    except KafkaException as error:
        raise UnreachableError(f"Kafka did not answer ({error}); check kafka.bootstrap.servers") from error
    if found.error is not None or not found.partitions:
        raise ConfigurationError(f"topic {topic} does not exist ({found.error}): run `tidegauge topics create`")
    return len(found.partitions)


def _settings(config: ProfilerConfig) -> dict[str, str | int | bool]:
    settings: dict[str, str | int | bool] = {
        **CONSUMER_BOUNDS,
        # Partitions that come while a fetch waits at the end of others are read only when it is over: half a second of
        # every takeover, by librdkafka's default.
        "fetch.wait.max.ms": 50,
        **config.kafka,
        "group.id": config.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # What stands last in a log may never be delivered: the marker that ends a transaction.
        "enable.partition.eof": True,
        # Where a shard begins is always said. An offset that is not in the log is a loss, never a place to jump from.
        "auto.offset.reset": "error",
        "fetch.queue.backoff.ms": 10,
        "queued.min.messages": 20_000,
    }
    if config.group_protocol == "consumer":
        return {**settings, "group.protocol": "consumer", "group.remote.assignor": "range"}
    classic: dict[str, str | int | bool] = {
        "partition.assignment.strategy": "range",
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 1_000,
    }
    return {**settings, **classic}
