"""The log read back: what the broker really holds, and what was published."""

import logging
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, TopicPartition
from integration.end_to_end.topics import read

from load.chaos.installation import PARTITIONS, PROFILE_PARTITIONS
from stream.kafka.topics import TopicNames
from stream.parts.keys import PartKey
from stream.profiler.messages import RawBatch
from tidegauge import Alert, Report, decode_alert, decode_report
from tidegauge.codec import decode_profiles
from tidegauge.profiles import Profile, ProfileBundle

ROLES = ("predictions", "labels")
Named = tuple[int, PartKey]


@dataclass
class Log:
    """Both input topics: for each (role, partition) every message, with the broker's time of each."""

    batches: dict[tuple[str, int], RawBatch]

    @property
    def messages(self) -> int:
        """How many there are."""
        return sum(len(batch.offsets) for batch in self.batches.values())


@dataclass
class Published:
    """What workers published."""

    newest: dict[Named, Profile] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    dead: Counter[tuple[str, int, int]] = field(default_factory=Counter)


class Ends:
    """Asks for the ends of the inputs' partitions, again and again with one client; Kafka may be away meanwhile."""

    def __init__(self, bootstrap: str, names: TopicNames) -> None:
        self._topics = {"predictions": names.predictions, "labels": names.labels}
        settings = {"bootstrap.servers": bootstrap, "group.id": "chaos-ends", "reconnect.backoff.max.ms": 500}
        self._client = Consumer({**settings, "log_level": 0}, logger=logging.getLogger(__name__))

    def __call__(self) -> dict[tuple[str, int], int]:
        """Return the end of each partition by role and partition; raises KafkaException."""
        places = {
            (role, n): TopicPartition(topic, n) for role, topic in self._topics.items() for n in range(PARTITIONS)
        }
        return {pair: self._client.get_watermark_offsets(place, timeout=2)[1] for pair, place in places.items()}

    def close(self) -> None:
        """Leave."""
        self._client.close()


def ends_of(bootstrap: str, names: TopicNames) -> dict[tuple[str, int], int]:
    """Return the end of each partition of the inputs, by role and partition."""
    with closing(Ends(bootstrap, names)) as ends:
        return ends()


def read_log(bootstrap: str, names: TopicNames) -> Log:
    """Read both input topics from beginning to end."""
    topics = {"predictions": names.predictions, "labels": names.labels}
    until = ends_of(bootstrap, names)
    batches = {pair: RawBatch(pair[1], [], [], []) for pair in until}
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "chaos-check", "enable.auto.commit": False})
    roles = {topic: role for role, topic in topics.items()}
    try:
        consumer.assign([TopicPartition(topics[role], partition, 0) for role, partition in until])
        while any(len(batch.offsets) < until[pair] for pair, batch in batches.items()):
            for message in consumer.consume(5_000, 0.5):
                if message.error() is None:
                    batch = batches[roles[message.topic()], message.partition()]
                    kind, at_ms = message.timestamp()
                    batch.offsets.append(message.offset())
                    batch.broker_ms.append(-1 if kind == TIMESTAMP_NOT_AVAILABLE else at_ms)
                    batch.values.append(message.value())
    finally:
        consumer.close()
    return Log(batches)


def read_published(bootstrap: str, names: TopicNames, *, profiles: bool = True) -> Published:
    """Read what came out, up to now; profiles only where they are wanted, they are many."""
    found = Published()
    found.reports = [decode_report(r.value) for r in read(bootstrap, names.reports, PROFILE_PARTITIONS)]
    found.alerts = [decode_alert(r.value) for r in read(bootstrap, names.alerts, PROFILE_PARTITIONS)]
    if not profiles:
        return found
    for letter in read(bootstrap, names.dead_letters, PARTITIONS):
        where = letter.headers
        role = "labels" if where["topic"] == names.labels else "predictions"
        found.dead[role, int(where["partition"]), int(where["offset"])] += 1
    for record in read(bootstrap, names.profiles, PROFILE_PARTITIONS):
        event = decode_profiles(record.value)
        for profile in event.profiles if isinstance(event, ProfileBundle) else ():
            name = (profile.shard, PartKey.of(profile))
            held = found.newest.get(name)
            if held is None or (held.epoch, held.seq) <= (profile.epoch, profile.seq):
                found.newest[name] = profile
    return found
