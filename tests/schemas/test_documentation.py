"""What the README and the docstrings show runs as written."""

import doctest
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

import tidegauge
from tests.schemas.conftest import Reader
from tidegauge import Alert, decode_label_message, decode_prediction_message, encode
from tidegauge.recorder import client
from tidegauge.subscribe import stream

pytestmark = pytest.mark.embedded

README = Path(tidegauge.__file__).parent.parent / "README.md"


def block(heading: str) -> str:
    found = re.search(rf"## {heading}.*?```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, heading
    return found.group(1)


def run(code: str, servers: str, **names: Any) -> dict[str, Any]:
    exec(compile(code.replace("localhost:9092", servers), str(README), "exec"), names)
    return names


@pytest.mark.parametrize("module", [client, stream])
def test_docstrings_run(module: Any) -> None:
    done = doctest.testmod(module)
    assert done.attempted > 0
    assert done.failed == 0


def test_recording_as_shown(mock_cluster: str, read: Reader) -> None:
    names = run(
        block("Record"), mock_cluster, flight_id="UA-17", row={"temp": 3.5}, p_late=0.25, model=lambda row: row["temp"]
    )
    names["recorder"].close()
    assert names["recorder"].stats.delivered == names["recorder"].stats.recorded == 4
    for message in read("predictions", 2):
        assert decode_prediction_message(message.value())
    assert {type(decode_label_message(one.value())).__name__ for one in read("labels", 2)} == {"Label", "Feedback"}


def test_subscribing_as_shown(mock_cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    producer = Producer({"bootstrap.servers": mock_cluster})
    stop = threading.Event()

    def publish() -> None:
        for seq in range(1, 200):
            if stop.wait(0.1):
                return
            alert = Alert(
                alert_id="a",
                seq=seq,
                status="firing",
                severity="error",
                kind="score",
                model="planner",
                summary="score drifts",
            )
            producer.produce("alerts", encode(alert), "a")
            producer.flush()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        run(block("Subscribe") + "    break\n", mock_cluster)
    finally:
        stop.set()
        thread.join()
    assert capsys.readouterr().out == "score drifts\n"
