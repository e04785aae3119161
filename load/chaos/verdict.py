"""After the last message: wait until all of it is counted and told, recompute, compare."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Producer
from redis.exceptions import RedisError

from load.chaos import checks
from load.chaos.installation import PARTITIONS, PROFILE_PARTITIONS, Installation
from load.chaos.model import MINUTE_MS
from load.chaos.oracle import Expected, catalog_of, recompute
from load.chaos.servers import Servers
from load.chaos.topics import ROLES, Published, ends_of, read_log, read_published
from stream.checkpoint import ShardName
from stream.kafka.topics import TopicNames
from stream.profiler.config import ShardConfig
from tidegauge import AlertStream
from tidegauge.codec import encode
from tidegauge.events import Watermark

SHARD = ShardConfig(lateness_ms=10_000, retention_ms=5 * MINUTE_MS, idle_ms=None)
"""As the installation's settings say."""

DRAIN_SECONDS, SETTLE_SECONDS, QUIET_SECONDS = 180.0, 90.0, 3.0
Fields = dict[int, dict[bytes, bytes]]


@dataclass
class Verdict:
    """What was expected and published, and each difference in a line."""

    expected: Expected
    published: Published
    problems: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)


def finish(place: Installation, watermark_ms: int) -> None:
    """Say on every partition that nothing follows, so that every window closes."""
    producer = Producer({"bootstrap.servers": place.bootstrap})
    names = TopicNames(place.prefix)
    for topic in (names.predictions, names.labels):
        for partition in range(PARTITIONS):
            producer.produce(topic, encode(Watermark(timestamp_ms=watermark_ms)), partition=partition)
    if producer.flush(30):
        raise TimeoutError("the last watermarks could not be sent")


def wait_for(what: str, done: Callable[[], bool], seconds: float, place: Installation) -> None:
    """Wait until something holds; fails with its name, and at once when a worker ended on its own account."""
    deadline = time.monotonic() + seconds
    while not done():
        place.revive()
        if failures := place.failures():
            raise RuntimeError(f"while waiting for {what}: {'; '.join(failures)}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.2)


def verify(place: Installation, servers: Servers, *, offsets: bool = True) -> Verdict:
    """Wait for the end of the log, and compare everything with the recomputation.

    Parameters
    ----------
    offsets
        Whether the store has offsets to wait for; the control's has none, so it is given the time that others need.
    """
    names, kafka = TopicNames(place.prefix), {"bootstrap.servers": place.bootstrap}
    wait_for("the drain", lambda: _drained(servers, names, place.bootstrap, offsets=offsets), DRAIN_SECONDS, place)
    stored = _stored(servers, place.prefix)
    log = read_log(place.bootstrap, names)
    switches = {n: {k: v for k, v in fields.items() if k.startswith(b"v|")} for n, fields in stored.items()}
    expected = recompute(log, catalog_of(kafka, names), SHARD, switches, PROFILE_PARTITIONS)
    verdict = Verdict(expected, _settled(place, names, expected))
    stored = _stored(servers, place.prefix)
    heard = list(AlertStream(place.bootstrap, prefix=place.prefix, start="earliest", idle_seconds=QUIET_SECONDS))
    verdict.problems += place.failures()
    verdict.problems += checks.rows(log, stored, expected)
    verdict.problems += checks.joins(log, stored, expected)
    verdict.problems += checks.profiles(verdict.published, stored, expected)
    verdict.problems += checks.reports(verdict.published, expected)
    verdict.problems += checks.alerts(verdict.published, heard, expected)
    verdict.problems += checks.dead_letters(verdict.published, expected)
    verdict.figures = {
        "messages": str(log.messages),
        "parts": str(len(expected.bodies)),
        "reports": str(len(expected.reports)),
        "alerts": str(len(expected.alerts)),
    }
    return verdict


def _drained(servers: Servers, names: TopicNames, bootstrap: str, *, offsets: bool) -> bool:
    """Whether every shard has read and delivered everything."""
    ends = ends_of(bootstrap, names)
    shards = [ShardName(names.prefix, "profiler", n) for n in range(PARTITIONS)]
    try:
        with servers.direct() as client:
            metas = [client.hgetall(shard.meta) for shard in shards]
            left = sum(client.hlen(shard.unpublished) for shard in shards)
    except RedisError:
        return False
    read = all(
        int(meta.get(f"offset:{role}".encode(), 0)) >= ends[role, shard]
        for shard, meta in enumerate(metas)
        for role in ROLES
    )
    return (read or not offsets) and not left


def _stored(servers: Servers, prefix: str) -> Fields:
    with servers.direct() as client:
        return {n: client.hgetall(ShardName(prefix, "profiler", n).fields) for n in range(PARTITIONS)}


def _settled(place: Installation, names: TopicNames, expected: Expected) -> Published:
    """Wait until as much came out as had to and nothing more comes; what is missing then shows in the checks."""
    before, since, deadline = -1, time.monotonic(), time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        found = read_published(place.bootstrap, names, profiles=False)
        count = len(found.reports) + len(found.alerts)
        if count != before:
            before, since = count, time.monotonic()
        enough = {(alert.alert_id, alert.seq) for alert in found.alerts} >= expected.alerts.keys()
        quiet = time.monotonic() - since
        if quiet > QUIET_SECONDS and (enough or quiet > 5 * QUIET_SECONDS):
            break
        time.sleep(0.5)
    return read_published(place.bootstrap, names)
