"""`tidegauge doctor`: each thing a worker needs, found or missing, and what to do."""

from collections.abc import Iterator

import typer
from confluent_kafka import KafkaException
from redis.exceptions import RedisError

from stream.checkpoint import connect
from stream.cli.options import ConfigOption, plain_console
from stream.config import Settings, load_settings
from stream.kafka.clients import make_admin
from stream.kafka.takeover import find_takeover
from stream.kafka.topics import CONNECT_SECONDS, TopicNames, check_topics, topic_specs
from stream.store.durability import examine

Finding = tuple[bool, str, str]


def doctor(config: ConfigOption = None) -> None:
    """Check Kafka, topics and Redis; exit 0 when all is well, 3 when something is missing."""
    settings = load_settings(config)
    console = plain_console()
    sick = False
    for fine, what, advice in (*_kafka(settings), *_redis(settings)):
        sick = sick or not fine
        console.print(f"{'ok     ' if fine else 'MISSING'}  {what}" + (f": {advice}" if advice else ""))
    raise typer.Exit(3 if sick else 0)


def _kafka(settings: Settings) -> Iterator[Finding]:
    # Imported here: Faust takes most of a second, which no other command should pay.
    from stream.kafka.settings import monitor_client  # noqa: PLC0415

    address = settings.kafka_settings["bootstrap.servers"]
    monitor_client(settings.kafka_settings)
    yield True, "security settings hold for both Kafka clients", ""
    admin = make_admin(settings.kafka_settings)
    try:
        known = admin.list_topics(timeout=CONNECT_SECONDS).topics
    except KafkaException as error:
        yield False, f"Kafka at {address}", f"{error.args[0].str()}; check kafka.bootstrap.servers"
        return
    yield True, f"Kafka at {address}", ""
    takeover = find_takeover(admin, settings.group_protocol)
    yield takeover.fine, takeover.what, takeover.advice
    names = TopicNames(settings.prefix)
    partitions = [len(known[t].partitions) if t in known else 0 for t in (names.predictions, names.labels)]
    wanted = partitions[0] or settings.topics.partitions
    specs = list(topic_specs(names, partitions=wanted, profile_partitions=settings.topics.profile_partitions))
    for spec in specs:
        if spec.name not in known:
            yield False, f"topic {spec.name}", "run `tidegauge topics create`"
    for verdict in check_topics(admin, [spec for spec in specs if spec.name in known]):
        yield verdict.problem is None, f"topic {verdict.name}", verdict.problem or ""


def _redis(settings: Settings) -> Iterator[Finding]:
    store = connect(settings.redis.url.get_secret_value())
    try:
        store.execute_command("PING")
        yield True, "Redis answers", ""
        for finding in examine(store):
            yield finding.fine, finding.what, finding.advice
    except RedisError as error:
        yield False, "Redis", f"{error}; check redis.url"
    finally:
        store.close()
