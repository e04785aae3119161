"""`tidegauge topics create` on a real broker: created as they must be, safe to repeat, what differs is named."""

import uuid

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from stream.errors import UnreachableError
from stream.kafka.leaders import require_leaders
from stream.kafka.topics import DAY_MS, TopicNames, create_topics, topic_specs

pytestmark = pytest.mark.integration


def test_create_twice_and_name_what_differs(bootstrap: str) -> None:
    settings = {"bootstrap.servers": bootstrap}
    names = TopicNames(f"{uuid.uuid4().hex}.")
    admin = AdminClient(settings)
    admin.create_topics([NewTopic(names.labels, 3, 1)])[names.labels].result(10)
    specs = list(topic_specs(names, partitions=4, profile_partitions=2))
    first = {v.name: v for v in create_topics(settings, specs)}
    assert first[names.predictions].created
    assert first[names.labels].problem == f"{names.labels} has 3 partitions, not 4"
    second = create_topics(settings, specs)
    assert not any(v.created for v in second)
    assert [v.name for v in second if v.problem] == [names.labels]


def test_every_partition_that_was_created_is_served(bootstrap: str) -> None:
    names = TopicNames(f"{uuid.uuid4().hex}.")
    settings = {"bootstrap.servers": bootstrap}
    specs = list(topic_specs(names, partitions=16, profile_partitions=16))
    create_topics(settings, specs)
    places = [TopicPartition(spec.name, partition) for spec in specs for partition in range(spec.partitions)]
    admin = AdminClient(settings)  # held: without it nobody answers
    ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})
    assert [end.result(10).offset for end in ends.values()] == [0] * len(places)


def test_partitions_without_a_leader_are_named(bootstrap: str) -> None:
    settings = {"bootstrap.servers": bootstrap}
    with pytest.raises(UnreachableError, match=r"2 partitions have no leader after 0.2 s \(nowhere\)"):
        require_leaders(AdminClient(settings), {"nowhere": 2}, settings, seconds=0.2)


@pytest.mark.parametrize(("retention_ms", "serves"), [(DAY_MS - 1, False), (7 * DAY_MS, True), (-1, True)])
def test_a_topic_may_keep_its_records_longer_than_it_must(bootstrap: str, retention_ms: int, *, serves: bool) -> None:
    settings = {"bootstrap.servers": bootstrap}
    names = TopicNames(f"{uuid.uuid4().hex}.")
    topic = NewTopic(names.profiles, 2, 1, config={"retention.ms": str(retention_ms)})
    admin = AdminClient(settings)
    admin.create_topics([topic])[names.profiles].result(10)
    specs = [spec for spec in topic_specs(names, partitions=4, profile_partitions=2) if spec.name == names.profiles]
    [verdict] = create_topics(settings, specs)
    wanted = f"{names.profiles} has retention.ms={retention_ms}, must be {DAY_MS} or more"
    assert verdict.problem == (None if serves else wanted)
