"""What the clock shows: shards that nobody owns, silence, losses; each told once, and when it is over."""

import pytest

from stream.model.catalog import Catalog
from stream.monitor.config import MonitorConfig
from stream.monitor.core import MonitorCore
from tidegauge.alerts import Alert
from tidegauge.codec import encode_profiles
from tidegauge.profiles import ShardWatermark, WatermarkReport

START = 1_700_000_000_000
MINUTE = 60_000
SHARDS = 3


class World:
    """A monitor, and a clock that moves in steps of two seconds."""

    def __init__(self, partition: int = 0) -> None:
        self.now_ms = START
        self.partition = partition
        self.fields: dict[bytes, bytes] = {}
        self.core = self.new()

    def new(self) -> MonitorCore:
        return MonitorCore(self.partition, Catalog(), MonitorConfig())

    def report(self, *shards: int, idle: bool = False, loss: str = "") -> None:
        marks = [ShardWatermark(n, START, 1, self.now_ms, self.now_ms, self.now_ms, idle, loss) for n in shards]
        self.core.apply(encode_profiles(WatermarkReport("w", SHARDS, marks)))

    def pass_minutes(self, minutes: float, *shards: int, idle: bool = False, loss: str = "") -> list[Alert]:
        told: list[Alert] = []
        for _ in range(int(minutes * 30)):
            self.now_ms += 2_000
            if shards:
                self.report(*shards, idle=idle, loss=loss)
            told += [output for output in self.core.watch(self.now_ms) if isinstance(output, Alert)]
        return told

    def restart(self, minutes: float = 0.0) -> None:
        """Another worker takes the partition over, a while later."""
        for name, value in self.core.dirty_fields().items():
            if value is None:
                self.fields.pop(name, None)
            else:
                self.fields[name] = value
        self.now_ms += int(minutes * MINUTE)
        self.core = self.new()
        self.core.load(self.fields)


def test_a_shard_that_nobody_owns_is_told_once_after_five_minutes_and_when_it_is_back() -> None:
    world = World()
    assert world.pass_minutes(10, 0, 1, 2) == []
    assert world.pass_minutes(4.9, 0, 1) == []
    [alert] = world.pass_minutes(60, 0, 1)
    assert (alert.kind, alert.model, alert.status, alert.severity) == ("tidegauge.state", "*", "firing", "error")
    assert "shard 2" in alert.summary
    assert world.core.unowned == {2}
    [over] = world.pass_minutes(5, 0, 1, 2)
    assert (over.alert_id, over.seq, over.status) == (alert.alert_id, 2, "resolved")
    assert world.core.unowned == frozenset()


def test_a_second_shard_joins_the_alert() -> None:
    world = World()
    world.pass_minutes(1, 0, 1, 2)
    first = world.pass_minutes(7, 0, 1)
    second = world.pass_minutes(7, 0)
    assert [(a.alert_id, a.seq) for a in first + second] == [(first[0].alert_id, 1), (first[0].alert_id, 2)]
    assert "shard 1" in second[0].reason


def test_restarts_do_not_put_it_off() -> None:
    """Every worker that takes the shard ends again: none of them lives for five minutes."""
    world = World()
    world.pass_minutes(1, 0, 1, 2)
    told: list[Alert] = []
    for _ in range(8):
        told += world.pass_minutes(0.5, 0, 1)
        world.restart(minutes=0.5)
    assert len(told) == 1
    assert "shard 2" in told[0].summary


def test_a_pause_of_the_process_is_no_absence_of_the_others() -> None:
    world = World()
    world.pass_minutes(1, 0, 1, 2)
    world.now_ms += 30 * MINUTE  # stopped: what came meanwhile is read in the seconds after
    assert world.core.watch(world.now_ms) == []
    assert world.pass_minutes(10, 0, 1, 2) == []


def test_silence_everywhere_is_told_once_and_one_event_ends_it() -> None:
    world = World()
    world.pass_minutes(1, 0, 1, 2)
    assert world.pass_minutes(4.9, 0, 1, 2, idle=True) == []
    [alert] = world.pass_minutes(20, 0, 1, 2, idle=True)
    assert alert.severity == "info"
    assert "no event on any of 3 shards" in alert.summary
    [over] = world.pass_minutes(1, 0, 1, 2)
    assert over.status == "resolved"


def test_what_a_shard_went_on_without_is_told() -> None:
    world = World()
    world.pass_minutes(1, 0, 1, 2)
    [alert] = world.pass_minutes(5, 0, 1, 2, loss="its state is lost")
    assert (alert.severity, alert.status) == ("warning", "firing")
    assert "its state is lost" in alert.summary
    assert world.pass_minutes(1, 0, 1, 2)[0].status == "resolved"


@pytest.mark.parametrize("partition", [0, 3])
def test_a_partition_tells_of_its_own_loss_for_a_day(partition: int) -> None:
    world = World(partition)
    world.pass_minutes(1, 0, 1, 2)
    world.core.lose("7 records expired", world.now_ms)
    [alert] = world.pass_minutes(5, 0, 1, 2)
    assert alert.version == f"profiles[{partition}]"
    assert "7 records expired" in alert.summary
    world.restart()
    assert world.pass_minutes(5, 0, 1, 2) == []
    world.now_ms += 24 * 60 * MINUTE
    assert [(a.alert_id, a.seq, a.status) for a in world.pass_minutes(5, 0, 1, 2)] == [(alert.alert_id, 2, "resolved")]


def test_only_one_partition_speaks_for_all_shards() -> None:
    world = World(partition=1)
    world.pass_minutes(1, 0, 1, 2)
    assert world.pass_minutes(20, 0) == []
    assert world.core.unowned == {1, 2}


def test_outputs_stand_in_the_outbox_until_they_are_delivered() -> None:
    world = World()
    world.pass_minutes(1, 0, 1, 2)
    [alert] = world.pass_minutes(10, 0, 1)
    world.restart()
    [(number, output)] = world.core.pending()
    assert output == alert
    world.core.delivered(number)
    assert world.core.pending() == []
