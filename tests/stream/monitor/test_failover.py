"""The profilers' store fails over: a shard reads some of its log again, perhaps in another order."""

from stream.monitor.fields import Fields
from stream.monitor.incoming import Incoming
from stream.monitor.watermarks import Watermarks
from stream.parts.keys import PartKey
from stream.parts.outcome import OutcomePart
from stream.parts.service import ServicePart
from tidegauge.profiles import ShardWatermark, WatermarkReport

SERVICE = PartKey("m", "", "", "service", 0, 100, True, 0, "")
OUTCOME = PartKey("m", "", "", "outcome", 0, 100, True, 50, "")
EMPTY = OutcomePart("binary", 0.5, 0).snapshot()


class Monitor:
    """What a monitor takes in, and what it closes, from two shards."""

    def __init__(self) -> None:
        self._fields = Fields()
        self.incoming, self.watermarks = Incoming(self._fields), Watermarks(self._fields)
        self.tell(1, 1, 1_000, 1_000)  # the other shard is far ahead

    def tell(self, shard: int, epoch: int, predictions_ms: int, labels_ms: int) -> None:
        told = ShardWatermark(shard, epoch, 1, predictions_ms, labels_ms, predictions_ms)
        self.watermarks.apply(WatermarkReport(worker="w", partitions=2, shards=[told]))

    def profile(self, key: PartKey, epoch: int, seq: int, body: bytes) -> None:
        self.incoming.apply(key.profile(body, shard=0, epoch=epoch, seq=seq), self.watermarks)

    def closed(self) -> list[PartKey]:
        return [key for key, _ in self.incoming.close(self.watermarks)]


def held(monitor: Monitor, key: PartKey) -> tuple[int, int]:
    profile = monitor.incoming._on_time[key][0]
    return profile.epoch, profile.seq


def test_a_part_below_its_shards_own_watermark_is_final_while_another_shard_is_waited_for() -> None:
    body = ServicePart(None).snapshot()
    monitor = Monitor()
    monitor.watermarks = Watermarks(Fields())
    monitor.profile(SERVICE, 1, 8, body)
    monitor.tell(0, 1, 100, 100)
    monitor.profile(SERVICE, 2, 6, body)  # the next owner, in the middle of reading the pane again
    assert held(monitor, SERVICE) == (1, 8)
    monitor.tell(1, 1, 100, 100)
    assert monitor.closed() == [SERVICE]


def test_a_part_above_it_is_replaced_by_the_next_owners() -> None:
    body = ServicePart(None).snapshot()
    monitor = Monitor()
    monitor.profile(SERVICE, 1, 8, body)
    monitor.tell(0, 1, 99, 99)
    monitor.profile(SERVICE, 2, 6, body)
    assert held(monitor, SERVICE) == (2, 6)


def test_predictions_of_one_history_and_labels_of_another_have_not_met() -> None:
    monitor = Monitor()
    monitor.tell(0, 1, 10, 200)  # labels were read first, and then lost
    monitor.tell(0, 2, 300, 20)  # this time predictions were
    monitor.profile(OUTCOME, 2, 5, EMPTY)
    assert (monitor.watermarks.predictions_ms, monitor.watermarks.outcomes_ms) == (300, 20)
    assert monitor.closed() == []
    monitor.tell(0, 2, 300, 150)
    assert monitor.closed() == [OUTCOME]


def test_what_was_told_by_one_history_stays_told() -> None:
    monitor = Monitor()
    monitor.tell(0, 1, 180, 160)
    monitor.tell(0, 2, 200, 20)
    monitor.tell(0, 2, 50, 50)
    assert (monitor.watermarks.predictions_ms, monitor.watermarks.outcomes_ms) == (200, 160)


def test_late_rows_are_those_of_the_newest_snapshot_however_often_they_were_read() -> None:
    late = SERVICE._replace(on_time=False)
    monitor, some = Monitor(), ServicePart(None)
    monitor.profile(late, 1, 1, some.snapshot())
    assert [monitor.incoming.late_part(late).snapshot() for _ in range(2)] == [some.snapshot()] * 2
    some.errors = 3
    monitor.profile(late, 1, 2, some.snapshot())
    assert monitor.incoming.late_part(late).snapshot() == some.snapshot()
