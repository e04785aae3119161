"""The whole of `tidegauge rebuild`: look at the topics, judge whether a replay can serve, write where it begins."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

from confluent_kafka import KafkaException

from stream.app.groups import groups
from stream.app.partitions import counts, keep_counts
from stream.checkpoint import ShardName, connect
from stream.config import Settings
from stream.definitions.reader import DefinitionReader
from stream.errors import ConfigurationError, UnreachableError
from stream.history.records import Kept, read_history
from stream.kafka.clients import make_admin
from stream.kafka.logs import Logs
from stream.kafka.topics import TopicNames, list_partitions, require_topics
from stream.model.catalog import Catalog
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.switches import switch_field
from stream.rebuild.instants import show
from stream.rebuild.memory import Heard, Message, hear, monitor_fields
from stream.rebuild.reach import SLACK_MS, Need, Span, check, latest_ms, needs
from stream.rebuild.store import Start, require_empty, write
from stream.store.reach import require_store
from stream.timeline.durations import MS_PER_UNIT, format_duration, parse_duration
from tidegauge.codec import decode_alert, decode_report, decode_retraining_request
from tidegauge.errors import DecodeError

T = TypeVar("T")

QUERY_SECONDS: Final = 10.0
CLOCKS_MS: Final = MS_PER_UNIT["h"]
"""By how much the clocks of workers may differ: they stamp snapshots and reports."""


@dataclass(frozen=True)
class Found:
    """What the topics hold of an installation."""

    catalog: Catalog
    kept: Kept
    heard: Heard
    needs: list[Need]
    spans: list[Span]
    profiles: dict[int, int]
    """Where each partition of `profiles` ends: what old owners published there is of no use to a replay."""

    @property
    def horizon_ms(self) -> int:
        """The longest time that a label, or a repeat, of a prediction counts."""
        models = [*self.catalog.models, *self.kept.snapshots]
        return max((self.catalog.compiled_for(model, (1 << 62) - 1).label_horizon_ms for model in models), default=0)


@dataclass(frozen=True)
class Plan:
    """Where the replay begins."""

    from_ms: int
    found: Found
    offsets: dict[int, dict[str, int]]

    def lines(self) -> Iterator[str]:
        """Say what would be done."""
        found, latest = self.found, latest_ms(self.found.needs)
        for need in found.needs:
            yield f"{need.model}: needs the log from {show(need.from_ms)} on ({need.why})"
        yield f"latest --from: {'any' if latest is None else show(latest)}"
        stops = {(span.topic, span.partition): span.stop for span in found.spans}
        records = sum(stops.values()) - sum(sum(offsets.values()) for offsets in self.offsets.values())
        yield (
            f"replay from {show(self.from_ms)}: {records:,} records of {len(self.offsets)} shards, those of "
            f"{format_duration(found.horizon_ms)} before it included as far as the log holds them"
        )
        heard = found.heard
        yield f"told already, and not again: {len(heard.alerts):,} alerts, of which {heard.firing:,} fire"


def look(settings: Settings) -> Found:
    """Look at the topics.

    Raises
    ------
    UnreachableError
        Kafka does not answer.
    ConfigurationError
        A topic is missing.
    LostStateError
        A topic holds what this release cannot read.
    """
    names = TopicNames(settings.prefix)
    there = list_partitions(make_admin(settings.kafka_settings), settings.kafka_settings)
    require_topics(names.of_worker, there)
    with closing(DefinitionReader(settings.kafka_settings, names.models)) as reader:
        catalog = reader.read_to_end()
    with closing(Logs(settings.kafka_settings)) as logs:
        kept, heard = _kept(logs, names, there)
        spans = [
            _span(logs, topic, number) for topic in (names.predictions, names.labels) for number in range(there[topic])
        ]
        profiles = {number: logs.span(names.profiles, number).stop for number in range(there[names.profiles])}
    found = needs(catalog, kept.snapshots.values(), sorted(heard.models), parse_duration(settings.retention))
    return Found(catalog, kept, heard, found, spans, profiles)


def plan(settings: Settings, found: Found, from_ms: int) -> Plan:
    """Return where a replay from an instant begins; raises as `check` when it could not serve, and as `look`.

    It begins a label horizon earlier where the log allows: then repeats of predictions are known as repeats.
    """
    check(from_ms, found.needs, found.spans)
    begin_ms = from_ms - SLACK_MS - found.horizon_ms
    names = TopicNames(settings.prefix)
    offsets: dict[int, dict[str, int]] = {}
    with closing(Logs(settings.kafka_settings)) as logs:
        for role, topic in ((PREDICTIONS, names.predictions), (LABELS, names.labels)):
            partitions = sum(span.topic == topic for span in found.spans)
            for number, offset in logs.offsets_at(topic, partitions, begin_ms).items():
                offsets.setdefault(number, {})[role] = offset
    return Plan(from_ms, found, offsets)


def require_stopped(settings: Settings) -> None:
    """Raise ConfigurationError while a worker is a member of one of the groups, UnreachableError if none may tell."""
    admin = make_admin(settings.kafka_settings)
    asked = admin.describe_consumer_groups(list(groups(settings)), request_timeout=QUERY_SECONDS)
    for group, future in asked.items():
        try:
            members = future.result().members
        except KafkaException as error:
            raise UnreachableError(f"Kafka does not tell of group {group}: {error.args[0].str()}") from error
        if members:
            who = ", ".join(sorted({f"{member.client_id}@{member.host}" for member in members}))
            raise ConfigurationError(
                f"group {group} has {len(members)} members ({who}): stop all workers first; one that was killed is "
                "missed after its session (6 s, or the broker's group.consumer.session.timeout.ms)"
            )


def rebuild(settings: Settings, chosen: Plan, *, discard: bool) -> None:
    """Write where workers begin.

    Raises
    ------
    ConfigurationError
        Workers run, or Redis holds state and `discard` is not set.
    UnreachableError
        Redis or Kafka does not answer.
    """
    require_stopped(settings)
    url = settings.redis.url.get_secret_value()
    require_store(url)
    starts = list(_starts(settings, chosen))
    there = list_partitions(make_admin(settings.kafka_settings), settings.kafka_settings)
    store = connect(url)
    try:
        if not discard:
            require_empty(store, [start.name for start in starts])
        keep_counts(settings, counts(settings, there), cold_start=discard)
        for start in starts:
            write(store, start, discard=discard)
    finally:
        store.close()


def _starts(settings: Settings, chosen: Plan) -> Iterator[Start]:
    found, topic = chosen.found, TopicNames(settings.prefix).profiles
    for number, end in found.profiles.items():
        fields = monitor_fields(number, len(found.profiles), found.kept, found.heard, chosen.from_ms)
        yield Start(ShardName(settings.prefix, "monitor", number), {topic: end}, fields)
    for number, offsets in chosen.offsets.items():
        switches = {switch_field(m): value for (shard, m), value in found.kept.switches.items() if shard == number}
        yield Start(ShardName(settings.prefix, "profiler", number), offsets, switches)


def _kept(logs: Logs, names: TopicNames, there: dict[str, int]) -> tuple[Kept, Heard]:
    kept = read_history(logs.read(names.history, there[names.history]))
    # Reports are many, and only those since the oldest snapshot can come again.
    since_ms = max(kept.written_ms - CLOCKS_MS, 0)
    heard: Iterator[Message] = chain(
        _read(logs, names.alerts, there, decode_alert),
        _read(logs, names.retraining, there, decode_retraining_request),
        _read(logs, names.reports, there, decode_report, since_ms),
    )
    return kept, hear(heard)


def _read(
    logs: Logs, topic: str, there: dict[str, int], decode: Callable[[bytes], T], since_ms: int = 0
) -> Iterator[T]:
    """Yield a topic's messages; what cannot be read was not told by us."""
    for entry in logs.read(topic, there[topic], since_ms):
        with suppress(DecodeError):
            yield decode(entry.value or b"")


def _span(logs: Logs, topic: str, number: int) -> Span:
    span = logs.span(topic, number)
    begins_ms = None
    if span.start:
        found = logs.first_ms(topic, number, span.start) if len(span) else None
        begins_ms = (1 << 53) if found is None else found
    return Span(topic, number, span.start, span.stop, begins_ms)
