"""The topics, as they must be: names, partitions, retention, compaction."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from stream.errors import ConfigurationError, UnreachableError
from stream.kafka.clients import make_admin
from stream.kafka.leaders import require_leaders

DAY_MS = 86_400_000
CONNECT_SECONDS = 5.0
ASK_SECONDS = 10.0
CREATE_SECONDS = 30.0
FOR_EVER = -1

_AWAY = {
    KafkaError._TIMED_OUT,  # noqa: SLF001 - confluent_kafka names librdkafka's own errors so
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NOT_CONTROLLER,
}


@dataclass(frozen=True)
class TopicNames:
    """Names of all topics under one prefix (`prefix` is put before each as it is)."""

    prefix: str = ""

    @property
    def predictions(self) -> str:
        """Prediction events, keyed by prediction id."""
        return f"{self.prefix}predictions"

    @property
    def labels(self) -> str:
        """Labels and feedback, keyed by prediction id; as many partitions as `predictions`."""
        return f"{self.prefix}labels"

    @property
    def dead_letters(self) -> str:
        """Messages nobody could read, with the reason and where they stood."""
        return f"{self.prefix}dead-letters"

    @property
    def profiles(self) -> str:
        """Snapshots of windowed sketches, keyed by model."""
        return f"{self.prefix}profiles"

    @property
    def reports(self) -> str:
        """Every evaluation, keyed by model."""
        return f"{self.prefix}reports"

    @property
    def alerts(self) -> str:
        """Transitions of alerts, keyed by alert id."""
        return f"{self.prefix}alerts"

    @property
    def retraining(self) -> str:
        """Requests to retrain, keyed by model."""
        return f"{self.prefix}retraining"

    @property
    def models(self) -> str:
        """Definitions, grids and references: one partition, kept for ever."""
        return f"{self.prefix}models"

    @property
    def history(self) -> str:
        """What monitors know and no log tells again, compacted: a model's snapshots, panes that are learnt from."""
        return f"{self.prefix}history"

    @property
    def of_worker(self) -> tuple[str, ...]:
        """Every topic that a worker reads or writes."""
        written = (self.dead_letters, self.profiles, self.reports, self.alerts, self.retraining)
        return (self.predictions, self.labels, *written, self.models, self.history)


@dataclass(frozen=True)
class TopicSpec:
    """One topic: partitions and the settings that correctness rests on."""

    name: str
    partitions: int
    settings: dict[str, str]


def topic_specs(names: TopicNames, *, partitions: int, profile_partitions: int) -> Iterator[TopicSpec]:
    """All topics with the settings they need.

    Inputs take the broker's clock (LogAppendTime): a future event time is clamped to the record's broker time.
    `models` is neither compacted nor expired: its history is whole, so its chain of predecessors can be followed.
    """
    inputs = {"message.timestamp.type": "LogAppendTime"}
    for_ever = {"retention.ms": str(FOR_EVER), "retention.bytes": str(FOR_EVER), "cleanup.policy": "delete"}
    yield TopicSpec(names.predictions, partitions, inputs)
    yield TopicSpec(names.labels, partitions, inputs)
    yield TopicSpec(names.dead_letters, partitions, {"retention.ms": str(7 * DAY_MS)})
    yield TopicSpec(names.profiles, profile_partitions, {"retention.ms": str(DAY_MS)})
    yield TopicSpec(names.reports, profile_partitions, {"retention.ms": str(7 * DAY_MS)})
    yield TopicSpec(names.alerts, profile_partitions, {"retention.ms": str(30 * DAY_MS)})
    yield TopicSpec(names.retraining, 1, {"retention.ms": str(30 * DAY_MS)})
    yield TopicSpec(names.models, 1, for_ever)
    yield TopicSpec(names.history, profile_partitions, {"cleanup.policy": "compact"})


@dataclass(frozen=True)
class TopicVerdict:
    """What was found or done for one topic; `problem` is a sentence when a person must act."""

    name: str
    created: bool = False
    problem: str | None = None


def create_topics(settings: dict[str, str], specs: list[TopicSpec], *, replication: int = -1) -> list[TopicVerdict]:
    """Create what is missing and check what is there, then wait until all of it can be written; safe to repeat.

    Raises UnreachableError when brokers do not answer and ConfigurationError when they refuse a topic.
    """
    admin = make_admin(settings)
    there = list_partitions(admin, settings)
    new = [spec for spec in specs if spec.name not in there]
    topics = [NewTopic(s.name, s.partitions, replication, config=s.settings) for s in new]
    created = set(_create(admin, topics, settings)) if topics else set()
    require_leaders(admin, {s.name: there.get(s.name, s.partitions) for s in specs}, settings)
    verdicts = [TopicVerdict(s.name, created=True) for s in new if s.name in created]
    return verdicts + check_topics(admin, [s for s in specs if s.name not in created])


def _create(admin: AdminClient, topics: list[NewTopic], settings: dict[str, str]) -> Iterator[str]:
    """Yield the names of those that were created: another process may have been faster with one."""
    for name, future in admin.create_topics(topics, request_timeout=CREATE_SECONDS).items():
        try:
            future.result()
            yield name
        except KafkaException as error:
            code, text = error.args[0].code(), error.args[0].str()
            if code in _AWAY:
                raise UnreachableError(
                    f"Kafka at {settings.get('bootstrap.servers')} did not create topic {name} ({text}); is there a "
                    "controller? This command can be repeated"
                ) from error
            if code != KafkaError.TOPIC_ALREADY_EXISTS:
                raise ConfigurationError(f"topic {name} could not be created: {text}") from error


def check_topics(admin: AdminClient, specs: list[TopicSpec]) -> list[TopicVerdict]:
    """Compare existing topics with what they must be."""
    if not specs:
        return []
    there = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=ASK_SECONDS).topics.items()}
    resources = [ConfigResource(ConfigResource.Type.TOPIC, s.name) for s in specs]
    # A future's own limit would be a TimeoutError without a word; the request's is a KafkaException that says what.
    asked = admin.describe_configs(resources, request_timeout=ASK_SECONDS)
    actual = {resource.name: future.result() for resource, future in asked.items()}
    return [TopicVerdict(s.name, problem=_problem(s, there[s.name], actual[s.name])) for s in specs]


def list_partitions(
    admin: AdminClient, settings: dict[str, str], timeout_seconds: float = CONNECT_SECONDS
) -> dict[str, int]:
    """Partition count of every topic; UnreachableError when the broker does not answer in time."""
    try:
        topics = admin.list_topics(timeout=timeout_seconds).topics
    except KafkaException as error:
        raise UnreachableError(
            f"Kafka at {settings.get('bootstrap.servers')} did not answer ({error.args[0].str()}); "
            "check kafka.bootstrap.servers and the security settings"
        ) from error
    return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}


def require_topics(names: Iterable[str], there: Collection[str]) -> None:
    """Raise ConfigurationError when one of the topics does not exist, or may not be seen."""
    missing = [name for name in names if name not in there]
    if missing:
        verb = "does" if len(missing) == 1 else "do"
        raise ConfigurationError(
            f"{'topic' if len(missing) == 1 else 'topics'} {', '.join(missing)} {verb} not exist: "
            "run `tidegauge topics create`, with the same kafka settings and prefix"
        )


def _problem(spec: TopicSpec, partitions: int, actual: dict[str, object]) -> str | None:
    if partitions != spec.partitions:
        return f"{spec.name} has {partitions} partitions, not {spec.partitions}"
    for key, wanted in spec.settings.items():
        value = getattr(actual.get(key), "value", None)
        if value is not None and not _serves(key, str(value), wanted):
            return f"{spec.name} has {key}={value}, must be {wanted}{' or more' if _may_be_more(key, wanted) else ''}"
    return None


def _serves(key: str, value: str, wanted: str) -> bool:
    longer = _may_be_more(key, wanted) and (int(value) == FOR_EVER or int(value) >= int(wanted))
    return value == wanted or longer


def _may_be_more(key: str, wanted: str) -> bool:
    return key == "retention.ms" and int(wanted) != FOR_EVER
