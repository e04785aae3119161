"""`tidegauge alerts` prints what the topic holds, in the order of decisions, whatever partition it lies in."""

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from stream.cli.alert_history import in_order
from stream.cli.main import app
from tidegauge import Alert
from tidegauge.alerts import Severity, Status
from tidegauge.codec import encode
from tidegauge.subscribe.selection import Selection


def alert(name: str, seq: int, decided: int, severity: Severity = "error", status: Status = "firing") -> Alert:
    told = f"{name}-{seq} at {decided}"
    return Alert(
        alert_id=name, seq=seq, status=status, severity=severity, kind="score", model="m", decided_at_ms=decided,
        summary=told,
    )  # fmt: skip


def told(alerts: list[Alert], selection: Selection | None = None) -> list[tuple[str, int]]:
    return [(found.alert_id, found.seq) for found in in_order(alerts, selection or Selection())]


def test_each_transition_once_in_the_order_of_decisions() -> None:
    alerts = [alert("b", 2, 40), alert("a", 1, 30), alert("b", 1, 20), alert("a", 1, 30), alert("a", 2, 25)]
    assert told(alerts) == [("b", 1), ("a", 1), ("a", 2), ("b", 2)]


def test_who_is_told_that_an_alert_fires_is_told_how_it_ends() -> None:
    alerts = [alert("a", 2, 2, "warning", "resolved"), alert("a", 1, 1), alert("b", 1, 1, "warning")]
    assert told(alerts, Selection(min_severity="error")) == [("a", 1), ("a", 2)]


@pytest.fixture
def produce() -> Iterator[Callable[[list[Alert]], str]]:
    producer = Producer({"test.mock.num.brokers": 1})  # its groups wait three seconds for their first members
    brokers = producer.list_topics(timeout=10).brokers.values()

    def write(alerts: list[Alert]) -> str:
        for number, one in enumerate(alerts):
            producer.produce("alerts", encode(one), one.alert_id, number % 4)
        producer.produce("alerts", b"{no alert", "x", 0)
        assert producer.flush(10) == 0
        return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    yield write
    producer.flush(1)


@pytest.mark.embedded
def test_all_that_the_topic_holds_is_printed(produce: Callable[[list[Alert]], str]) -> None:
    servers = produce([alert(f"id{number:02}", 1, number) for number in range(40)])
    result = CliRunner().invoke(app, ["alerts"], env={"TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS": servers})
    assert (result.exit_code, result.exception) == (0, None)
    assert result.stdout.splitlines() == [f"id{number:02}-1 at {number}" for number in range(40)]
