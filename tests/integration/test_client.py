"""Recorder and AlertStream against a real broker: restarts, and subscribers that die."""

import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from servers.kafka import KafkaBroker

from tidegauge import Alert, AlertStream, Recorder, encode, partition_for

pytestmark = pytest.mark.integration
PARTITIONS = 3


@pytest.fixture
def prefix(bootstrap: str) -> str:
    made = f"{uuid.uuid4().hex[:8]}."
    create(bootstrap, made)
    return made


def create(bootstrap: str, prefix: str) -> None:
    topics = [NewTopic(f"{prefix}{role}", PARTITIONS, 1) for role in ("predictions", "labels", "alerts")]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for created in admin.create_topics(topics).values():
        created.result(30)


def placed(bootstrap: str, topic: str, count: int) -> Counter[tuple[bytes, int]]:
    """How often each (key, partition) stands in a topic of at least `count` messages."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: Counter[tuple[bytes, int]] = Counter()
    while (message := consumer.poll(15 if found.total() < count else 1)) is not None:
        if message.error() is None:
            found[message.key() or b"", message.partition() or 0] += 1
    consumer.close()
    return found


def test_a_broker_that_restarts_costs_nothing(broker: KafkaBroker, tmp_path: Path) -> None:
    own = KafkaBroker(tmp_path).start()
    try:
        create(own.bootstrap, "")
        recorder = Recorder(own.bootstrap, model="m")
        ids = [f"flight-{at}" for at in range(3000)]
        for at, identity in enumerate(ids):
            if at == 1000:
                own.kill()
            recorder.log(prediction_id=identity, prediction=0.5)
            recorder.label(identity, "late")
        own.start()
        assert recorder.flush(60)
        assert recorder.stats.delivered == 6000
        once = Counter((identity.encode(), partition_for(identity.encode(), PARTITIONS)) for identity in ids)
        assert placed(own.bootstrap, "predictions", 3000) == once
        assert placed(own.bootstrap, "labels", 3000) == once
        assert recorder.close()
    finally:
        own.kill()


def test_a_subscriber_that_is_killed_repeats_but_loses_nothing(bootstrap: str, prefix: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for at in range(50):
        alert = Alert(alert_id=str(at), seq=1, status="firing", severity="error", kind="score", model="m")
        producer.produce(f"{prefix}alerts", encode(alert), str(at))
    assert producer.flush(30) == 0
    settings = {"bootstrap.servers": bootstrap, "session.timeout.ms": 6000}  # a dead member is missed after that long
    code = f"""
import os, time
from tidegauge import AlertStream
for at, alert in enumerate(AlertStream({settings!r}, group={prefix!r}, prefix={prefix!r}, start="earliest")):
    print(alert.alert_id, flush=True)
    if at == 19:
        time.sleep(2.5)  # the first 19 are committed by now
        os._exit(9)
"""
    first = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    told = first.stdout.split()
    assert (len(told), first.returncode) == (20, 9), first.stderr
    with AlertStream(settings, group=prefix, prefix=prefix, start="earliest") as stream:
        again = []
        while set(told) | set(again) != {str(at) for at in range(50)}:
            again.append(next(stream).alert_id)
    assert set(again) & set(told) == {told[-1]}, "only the one whose handling was cut short comes again"
