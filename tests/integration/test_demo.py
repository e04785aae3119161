"""The demo itself, up to its first drift: separate processes, the embedded broker and store, the real year."""

import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from stream.errors import ConfigurationError, UnreachableError
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from tidegauge import Alert, decode_alert

pytestmark = pytest.mark.demo

SECONDS = 240
"""More than a loaded machine needs: the demo is ended by Ctrl-C as soon as there is something to look at."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "stream.cli.main", "demo", "--plain", "--folder", str(path)]
    with (path / "output").open("w+") as output:
        demo = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + SECONDS
            while demo.poll() is None and time.monotonic() < deadline and not drifted(path):
                time.sleep(0.5)
            demo.send_signal(signal.SIGINT)
            code = demo.wait(60)
        finally:
            demo.kill()
    said = (path / "output").read_text()
    assert code == 0, said
    assert "alerts on all flights" in said
    return path


def drifted(folder: Path) -> bool:
    return any(alert.kind == "features" for alert in read(folder))


def read(folder: Path) -> list[Alert]:
    path = folder / "alerts.jsonl"
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [decode_alert(line) for line in whole.splitlines()]


@pytest.fixture(scope="module")
def alerts(folder: Path) -> list[Alert]:
    return read(folder)


def month(time_ms: int) -> int:
    return datetime.fromtimestamp((time_ms - 1) / 1000, UTC).month


def test_it_leaves_what_it_ran_on(folder: Path) -> None:
    left = {path.name for path in folder.iterdir()}
    assert {"alerts.jsonl", "reports.jsonl", "tidegauge.yaml", "planner.yaml", "gate.yaml"} <= left


def test_the_first_alerts_are_feature_drift_and_only_inform(alerts: list[Alert]) -> None:
    drift = [alert for alert in alerts if alert.kind == "features"]
    assert drift
    assert {alert.severity for alert in drift} == {"info"}
    assert all(alert.findings for alert in drift if alert.status == "firing")


def test_nothing_is_said_of_performance_before_april(alerts: list[Alert]) -> None:
    early = [a for a in alerts if not a.segment and a.kind == "performance" and month(a.decided_at_ms) < 4]
    assert [alert.summary for alert in early] == []


def test_each_transition_comes_once(alerts: list[Alert]) -> None:
    told = [(alert.alert_id, alert.seq) for alert in alerts]
    assert len(told) == len(set(told))


@pytest.mark.integration
def test_a_year_is_not_replayed_twice_into_the_same_topics(bootstrap: str) -> None:
    # Imported here: pandas and scikit-learn take seconds, and each process of a run would wait for them.
    from stream.demo.run import PARTITIONS, require_unused  # noqa: PLC0415

    settings, names = {"bootstrap.servers": bootstrap}, TopicNames(f"{uuid.uuid4().hex}.")
    create_topics(settings, list(topic_specs(names, partitions=PARTITIONS, profile_partitions=PARTITIONS)))
    producer = Producer(settings)
    for partition in range(PARTITIONS):  # it waits for the leaders, which a new topic may lack for a moment
        producer.produce(names.labels, b"{}", partition=partition)
        producer.produce(names.profiles, b"{}", partition=partition)
    assert producer.flush(10) == 0
    with pytest.raises(ConfigurationError, match="choose another --prefix"):
        require_unused(settings, {names.labels, names.profiles})
    deadline = time.monotonic() + 10
    while True:
        try:
            return require_unused(settings, {names.predictions})
        except UnreachableError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
