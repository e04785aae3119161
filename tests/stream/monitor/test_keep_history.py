"""When snapshots are taken: one a day of event time and model, some models at a time."""

from stream.model.catalog import Catalog
from stream.monitor.core import MonitorCore
from stream.monitor.keep_history import AT_ONCE
from stream.monitor.outputs import HistorySnapshot
from stream.monitor.streams import parse_field_name
from stream.parts.keys import PartKey
from stream.parts.service import ServicePart
from stream.timeline.durations import DAY_MS
from tests.stream.monitor.world import DAY_0, HOUR_MS
from tidegauge.codec import encode_profiles
from tidegauge.profiles import ProfileBundle, ShardWatermark, WatermarkReport

MODELS = [f"model-{number:02}" for number in range(2 * AT_ONCE + 3)]


class Clock:
    """A core that hears of one shard's watermark."""

    def __init__(self) -> None:
        self.core = MonitorCore(0, Catalog())
        body = ServicePart(None).snapshot()
        keys = [PartKey(model, "", "", "service", DAY_0, DAY_0 + HOUR_MS, True, 0, "") for model in MODELS]
        self.core.apply(encode_profiles(ProfileBundle([key.profile(body, epoch=1, seq=1) for key in keys])))

    def tell(self, at_ms: int) -> list[HistorySnapshot]:
        mark = ShardWatermark(0, 1, 1, at_ms, at_ms, at_ms)
        self.core.apply(encode_profiles(WatermarkReport(worker="w", partitions=1, shards=[mark])))
        self.core.advance()
        pending = self.core.pending()
        for number, _ in pending:
            self.core.delivered(number)
        return [output for _, output in pending if isinstance(output, HistorySnapshot)]


def test_every_model_has_its_turn_once_a_day() -> None:
    clock = Clock()
    for day in (0, 1):
        rounds = [clock.tell(DAY_0 + day * DAY_MS + (2 + hour) * HOUR_MS) for hour in range(5)]
        assert [len(taken) for taken in rounds] == [AT_ONCE, AT_ONCE, 3, 0, 0]
        taken = [snapshot for some in rounds for snapshot in some]
        assert sorted(snapshot.model for snapshot in taken) == MODELS
        assert {snapshot.number for snapshot in taken} == {day + 1}


def test_a_snapshot_holds_fields_of_its_own_model_only() -> None:
    for snapshot in Clock().tell(DAY_0 + 2 * HOUR_MS):
        assert {parse_field_name(field)[1][0] for field in snapshot.fields} == {snapshot.model}


def test_nothing_is_kept_while_a_watermark_is_missing() -> None:
    core = Clock().core
    core.advance()
    assert core.pending() == []
