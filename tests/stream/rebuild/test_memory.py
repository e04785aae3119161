"""What a partition begins from: its own models' snapshots and panes, and what was told of them."""

import pytest

from stream.history.records import Kept
from stream.model.catalog import Catalog
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import HistorySnapshot
from stream.monitor.schedule import PREFIX, Progress
from stream.monitor.streams import field_name, parse_field_name
from stream.monitor.watch import EVERY_MODEL
from stream.parts.keys import PartKey
from stream.rebuild.memory import Heard, hear, monitor_fields
from tests.stream.monitor.world import DAY_0, HOUR_MS
from tidegauge.alerts import Alert, Finding, Status, Window
from tidegauge.codec import encode_profiles
from tidegauge.partitioner import partition_for
from tidegauge.profiles import ShardWatermark, WatermarkReport
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

MODELS = [f"model-{number}" for number in range(12)]
NOW = DAY_0 + 9 * HOUR_MS


SHARD_3 = Finding(subject="shard 3: nobody owns it", since_ms=DAY_0)


def alert(alert_id: str, seq: int, model: str = "m", *, status: Status = "firing", version: str = "") -> Alert:
    return Alert(
        alert_id=alert_id, seq=seq, status=status, severity="warning", kind="tidegauge.state", model=model,
        version=version, decided_at_ms=DAY_0 + seq, findings=[SHARD_3],
    )  # fmt: skip


def report(end_ms: int, model: str = "m") -> Report:
    return Report(model=model, part="inputs", window=Window(length="1h", start_ms=end_ms - HOUR_MS, end_ms=end_ms))


def pane(model: str, start_ms: int) -> PartKey:
    return PartKey(model, "", "", "inputs", start_ms, start_ms + HOUR_MS, True, 0, "layout")


def test_the_newest_of_each_is_heard_in_whatever_order_it_comes() -> None:
    request = RetrainingRequest(request_id="r", model="m", alert_id="a", decided_at_ms=0)
    told = [
        alert("a", 2),
        alert("a", 3),
        alert("a", 1),
        report(7 * HOUR_MS),
        report(6 * HOUR_MS),
        request,
        alert("b", 1),
    ]
    heard = hear(told)
    assert heard == hear(told[::-1] + told)
    assert {alert_id: newest.seq for alert_id, newest in heard.alerts.items()} == {"a": 3, "b": 1}
    assert heard.requests == {("m", "r"): "a"}
    assert list(heard.reports.values()) == [7 * HOUR_MS]
    assert (heard.models, heard.firing) == ({"m"}, 2)
    assert hear([alert("x", 1, EVERY_MODEL)]).models == set()


def test_every_model_goes_to_the_partition_that_its_profiles_go_to() -> None:
    snapshots = {
        model: HistorySnapshot(model=model, number=1, fields={field_name(PREFIX, model): b"progress"})
        for model in MODELS
    }
    panes = {pane(model, start_ms): b"body" for model in MODELS for start_ms in (DAY_0, DAY_0 + HOUR_MS)}
    heard = hear([message for model in MODELS for message in (alert(f"of {model}", 1, model), report(DAY_0, model))])
    partitions = [monitor_fields(number, 3, Kept(snapshots, panes), heard, DAY_0 + HOUR_MS) for number in range(3)]
    for number, fields in enumerate(partitions):
        mine = [model for model in MODELS if partition_for(model.encode(), 3) == number]
        found = [parse_field_name(field) for field in fields]
        assert sorted(str(key[0]) for prefix, key in found if prefix == PREFIX) == sorted(mine)
        panes_of = sorted((str(key[0]), key[4]) for prefix, key in found if prefix == "f")
        assert panes_of == sorted((model, DAY_0) for model in mine), "what begins later comes from the log"
        told = [key for prefix, key in found if prefix == "told"]
        assert sorted(str(key[1]) for key in told if key[0] == "alert") == sorted(f"of {model}" for model in mine)
        assert sorted(str(key[1]) for key in told if key[0] == "report") == sorted(mine)


class Shards:
    """A core that has been told of two shards, the second only at first."""

    def __init__(self, core: MonitorCore) -> None:
        self.core = core

    def tell(self, *shards: int) -> None:
        marks = [ShardWatermark(shard, 1, 1, DAY_0, DAY_0, DAY_0) for shard in shards]
        self.core.apply(encode_profiles(WatermarkReport(worker="w", partitions=2, shards=marks)))


@pytest.mark.parametrize(("number", "version"), [(0, ""), (1, "profiles[1]")])
def test_an_alert_of_the_clock_is_taken_up_and_ended_when_it_is_over(number: int, version: str) -> None:
    told = [alert("clock", 4, EVERY_MODEL, version=version), alert("over", 2, EVERY_MODEL, status="resolved")]
    others = [n for n in range(2) if n != number]
    fields = monitor_fields(number, 2, Kept(), hear(told), DAY_0)
    core = MonitorCore(number, Catalog())
    core.load(fields)
    shards = Shards(core)
    outputs = []
    for seconds in range(0, 40, 5):
        shards.tell(0, 1)
        outputs += core.watch(NOW + seconds * 1000)
    assert [(o.alert_id, o.seq, o.status) for o in outputs if isinstance(o, Alert)] == [("clock", 5, "resolved")]
    for other in others:
        assert not [f for f in monitor_fields(other, 2, Kept(), hear(told), DAY_0) if f.startswith(b"a|")]


def test_nothing_told_and_nothing_kept_is_a_new_state_that_knows_where_it_began() -> None:
    fields = monitor_fields(0, 1, Kept(), Heard(), DAY_0)
    assert [parse_field_name(field) for field in fields] == [("told", ["from"])]
    assert Progress().snapshots == 0
