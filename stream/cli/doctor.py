"""`tidegauge doctor`: each thing a worker needs, found or missing, and what to do."""

from collections.abc import Iterator

import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from redis import Redis
from redis.exceptions import RedisError
from rich.console import Console

from stream.cli.options import ConfigOption
from stream.config import Settings, load_settings
from stream.kafka.settings import monitor_client
from stream.kafka.topics import TopicNames, check_topics, topic_specs

Finding = tuple[bool, str, str]
CONNECT_SECONDS = 5.0


def doctor(config: ConfigOption = None) -> None:
    """Check Kafka, topics and Redis; exit 0 when all is well, 3 when something is missing."""
    settings = load_settings(config)
    console = Console(highlight=False, soft_wrap=True)
    sick = False
    for fine, what, advice in (*_kafka(settings), *_redis(settings)):
        sick = sick or not fine
        console.print(f"{'ok     ' if fine else 'MISSING'}  {what}" + (f": {advice}" if advice else ""), markup=False)
    raise typer.Exit(3 if sick else 0)


def _kafka(settings: Settings) -> Iterator[Finding]:
    address = settings.kafka_settings["bootstrap.servers"]
    monitor_client(settings.kafka_settings)
    yield True, "security settings hold for both Kafka clients", ""
    admin = AdminClient({**settings.kafka_settings, "log_level": "0"})
    try:
        known = admin.list_topics(timeout=CONNECT_SECONDS).topics
    except KafkaException as error:
        yield False, f"Kafka at {address}", f"{error.args[0].str()}; check kafka.bootstrap.servers"
        return
    yield True, f"Kafka at {address}", ""
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
    url = settings.redis.url.get_secret_value()
    client = Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS)
    try:
        client.ping()
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
        durable = client.config_get("appendonly").get("appendonly")
    except RedisError as error:
        yield False, "Redis", f"{error}; check redis.url"
        return
    finally:
        client.close()
    yield True, "Redis answers", ""
    yield (
        policy == "noeviction",
        f"Redis maxmemory-policy is {policy}",
        "" if policy == "noeviction" else ("an evicted key is lost state: set `maxmemory-policy noeviction`"),
    )
    yield (
        durable == "yes",
        f"Redis appendonly is {durable}",
        "" if durable == "yes" else ("a restart would go back to an old snapshot: set `appendonly yes`"),
    )
