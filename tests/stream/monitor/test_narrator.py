"""What an alert says must not depend on what was forgotten, or when."""

import pytest

from stream.monitor import narrator
from stream.monitor.alert_book import AlertKey, Transition
from stream.monitor.config import MonitorConfig
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import Firing
from stream.monitor.narrator import narrate
from stream.monitor.pruning import kept_ms
from stream.monitor.state import MonitorState
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS
from tidegauge.alerts import Finding, Window

WINDOW = Window(length="1h", start_ms=DAY_0, end_ms=DAY_0 + HOUR_MS)


@pytest.mark.parametrize(("later_ms", "ids"), [(0, ["7"]), (1, [])])
def test_ids_are_of_windows_whose_panes_are_kept_for_sure(
    later_ms: int, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment may be told of long after its burn rate began, when all rows have ceased."""
    monkeypatch.setattr(narrator, "evidence_ids", lambda *_: ["7"])
    compiled = world.compiled_model()
    finding = Finding(subject="errors", detector="burn_rate", value=0.5, threshold=0.144)
    firing = Firing(finding=finding, severity="error", window=WINDOW, n=100)
    transition = Transition(
        key=AlertKey("m", "v1", "origin=EWR", "errors"), alert_id="x", seq=1, status="firing", severity="error",
        reason="", started_ms=DAY_0, decided_at_ms=DAY_0 + kept_ms(compiled, 0) + later_ms, firing=[firing],
    )  # fmt: skip
    alert = narrate(MonitorState(), ModelJudges(compiled, None, MonitorConfig()), transition, None)
    assert alert.sample_prediction_ids == ids
