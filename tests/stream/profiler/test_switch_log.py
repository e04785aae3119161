"""What a shard did about a definition that came too late is in `history`, and a rebuilt shard does it again."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from stream.checkpoint.values import Loaded
from stream.history.records import read_history
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.profiler.shard import ShardCore
from stream.profiler.switch_log import SwitchLog
from stream.profiler.switches import Switches, switch_field
from stream.timeline.durations import DAY_MS
from tidegauge.definition import Definition

NOON = 10 * DAY_MS + DAY_MS // 2


class Kafka:
    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes | None, int]] = []
        self.full = False
        self.waiting: list[Callable[..., None]] = []

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Callable[..., None]) -> None:
        if self.full:
            raise BufferError
        assert topic == "history"
        self.records.append((key, value, 0))
        self.waiting.append(on_delivery)


def declared(from_ms: int) -> Catalog:
    definition = Definition(model="m", features={"x": "numeric"}, segments=["shop"])
    return Catalog().with_revision(compile_model(definition, {}, from_ms))


def switched(touched_ms: int) -> Switches:
    switches = Switches()
    switches.view(declared(NOON), lambda _: touched_ms)
    switches.take_changes()
    return switches


def shard(number: int, touched_ms: int = NOON + 1) -> ShardCore:
    core = ShardCore(number, Catalog())
    core.switches = switched(touched_ms)
    return core


def log(kafka: Kafka) -> SwitchLog:
    producer: Any = kafka
    return SwitchLog(producer, "history")


def test_a_shard_that_went_over_late_tells_it_once() -> None:
    kafka = Kafka()
    out = log(kafka)
    for _ in range(3):
        out.tell(shard(2))
    [[(number, model), value]] = read_history(kafka.records).switches.items()
    assert (number, model) == (2, "m")
    assert value == switched(NOON + 1).moved()["m"]
    assert len(kafka.records) == 1


def test_one_that_was_in_time_tells_nothing_and_neither_does_one_that_is_not_written() -> None:
    kafka = Kafka()
    out = log(kafka)
    out.tell(shard(2, NOON))
    late = ShardCore(2, Catalog())
    late.switches.view(declared(NOON), lambda _: NOON + 1)
    out.tell(late)
    assert kafka.records == []
    late.take_fields()
    out.tell(late)
    assert len(kafka.records) == 1


def test_what_kafka_did_not_take_is_told_again() -> None:
    kafka = Kafka()
    out = log(kafka)
    kafka.full = True
    out.tell(shard(0))
    kafka.full = False
    for answer, records in ((KafkaError(KafkaError.REQUEST_TIMED_OUT), 1), (None, 2), (None, 2)):
        out.tell(shard(0))
        assert len(kafka.records) == records
        while kafka.waiting:
            kafka.waiting.pop()(answer, None)


def test_a_rebuilt_shard_goes_over_where_the_lost_one_did() -> None:
    kafka = Kafka()
    log(kafka).tell(shard(0))
    kept = read_history(kafka.records).switches
    rebuilt, plain = (ShardCore(0, declared(NOON)) for _ in range(2))
    rebuilt.load(Loaded(1, 1, {switch_field("m"): kept[0, "m"]}, {}, {}, {}))
    late = [switch.instant_ms for switch in rebuilt.switches.known("m")]
    assert late == [switch.instant_ms for switch in switched(NOON + 1).known("m")]
    assert late[-1] > NOON
    assert [switch.instant_ms for switch in plain.switches.known("m")] == [NOON]
