"""The demo itself, short: separate processes, the embedded broker and store, the real year up to where time ends."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegauge import Alert, decode_alert

pytestmark = pytest.mark.demo

SECONDS = 45


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "stream.cli.main", "demo", "--plain", "--seconds", str(SECONDS)]
    ended = subprocess.run(
        [*command, "--folder", str(path)], capture_output=True, text=True, timeout=SECONDS + 60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "alerts on all flights" in ended.stdout
    return path


@pytest.fixture(scope="module")
def alerts(folder: Path) -> list[Alert]:
    return [decode_alert(line) for line in (folder / "alerts.jsonl").read_bytes().splitlines()]


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
