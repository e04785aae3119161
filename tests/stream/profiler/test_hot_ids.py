"""A service that calls many predictions by one id: a label has hundreds beside it, and most of them count nowhere."""

import random

import pytest
from profiler_logs import Event, bodies, random_logs, run

from stream.profiler import settle


def few_ids(events: list[Event], ids: int) -> list[Event]:
    return [
        event | {"prediction_id": f"id{sum(event['prediction_id'].encode()) % ids}"}
        if "prediction_id" in event
        else event
        for event in events
    ]


@pytest.mark.parametrize("ids", [1, 12])
@pytest.mark.parametrize("seed", range(4))
def test_labels_that_newer_ones_hide_change_nothing(seed: int, ids: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = (few_ids(log, ids) for log in random_logs(seed))
    found = []
    for many in (0, 2, 1 << 30):
        monkeypatch.setattr(settle, "_MANY", many)
        found.append(bodies(run(rows, labels, random.Random(seed)).store))
    assert found[0] == found[1] == found[2]
    assert any(key.part == "outcome" and not key.on_time for key in found[0]) or ids == 1
