import threading
from collections import Counter
from typing import Any

import pandas as pd
import pytest

from tests.schemas.conftest import PARTITIONS, Reader
from tidegauge import (
    Drop,
    EventError,
    Feedback,
    Label,
    Prediction,
    PredictionBatch,
    Recorder,
    RecorderStats,
    SettingsError,
    Watermark,
    decode_label_message,
    decode_prediction_message,
    partition_for,
)
from tidegauge.codec import decode_batch
from tidegauge.events import Float64Column

pytestmark = pytest.mark.embedded

NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}

START_MS = 1_700_000_000_000


@pytest.fixture
def recorder(mock_cluster: str, prefix: str) -> Any:
    with Recorder(mock_cluster, model="planner", version="2013.1", prefix=prefix, clock=lambda: 42) as made:
        yield made


def test_log_publishes_one_prediction(recorder: Recorder, read: Reader) -> None:
    identity = recorder.log(
        prediction_id="UA-17",
        features={"temp": 3.5, "carrier": "UA"},
        prediction=0.25,
        latency_ms=3.25,
        segments={"origin": "JFK"},
        signals={"fare": 199},
    )
    assert identity == "UA-17"
    recorder.flush()
    (message,) = read(recorder.predictions_topic, 1)
    assert message.key() == b"UA-17"
    assert message.partition() == partition_for(b"UA-17", PARTITIONS)
    assert message.headers() is None
    assert decode_prediction_message(message.value()) == Prediction(
        prediction_id="UA-17",
        model="planner",
        version="2013.1",
        timestamp_ms=42,
        features={"temp": 3.5, "carrier": "UA"},
        prediction=0.25,
        latency_ms=3.25,
        segments={"origin": "JFK"},
        signals={"fare": 199.0},
    )


def test_event_time_is_not_the_records_time(recorder: Recorder, read: Reader) -> None:
    recorder.log(prediction=1.0, timestamp_ms=START_MS + 5)
    recorder.flush()
    (message,) = read(recorder.predictions_topic, 1)
    assert message.timestamp()[1] > 1_600_000_000_000, "set by the client library or the broker, never from the event"


def test_ids_are_made_when_none_is_given(recorder: Recorder) -> None:
    assert recorder.log(prediction=0.5) != recorder.log(prediction=0.5)


def test_labels_and_feedback_meet_their_prediction(recorder: Recorder, read: Reader) -> None:
    ids = [f"flight-{at}" for at in range(40)]
    for identity in ids:
        recorder.log(prediction_id=identity, prediction=0.5)
        recorder.label(identity, "late", timestamp_ms=START_MS + 50)
    recorder.feedback(ids[0], {"thumbs": -1})
    recorder.flush()
    placed = {message.key(): message.partition() for message in read(recorder.predictions_topic, 40)}
    labels = read(recorder.labels_topic, 41)
    assert all(placed[message.key()] == message.partition() for message in labels)
    decoded = [decode_label_message(message.value()) for message in labels]
    assert Feedback(prediction_id=ids[0], timestamp_ms=42, model="planner", signals={"thumbs": -1.0}) in decoded
    assert Label(prediction_id=ids[1], label="late", timestamp_ms=START_MS + 50, model="planner") in decoded


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda r: r.log(prediction_id=""), "prediction_id"),
        (lambda r: r.log(features={"x": object()}), "features.x"),
        (lambda r: r.log(features={"x": "\ud800"}), "features.x"),
        (lambda r: r.log(prediction={"late": 1}), "prediction"),
        (lambda r: r.log(probabilities=[float("nan")]), "probabilities[0]"),
        (lambda r: r.log(latency_ms="slow"), "latency_ms"),
        (lambda r: r.log(error=ValueError()), "error"),
        (lambda r: r.log(timestamp_ms=1.5), "timestamp_ms"),
        (lambda r: r.log(segments={"x": 0.5}), "segments.x"),
        (lambda r: r.log(signals={"x": "y"}), "signals.x"),
        (lambda r: r.label("a", None), "label"),
        (lambda r: r.label(None, 1), "prediction_id"),
        (lambda r: r.feedback("a", {"x": "y"}), "signals.x"),
        (lambda r: r.observe(features={"x": object()}), "features.x"),
        (lambda r: r.watermark("now"), "timestamp_ms"),
        (lambda r: r.log_frame({"x": [1]}), "prediction_id"),
    ],
)
def test_bad_events_raise_at_once(recorder: Recorder, call: Any, field: str) -> None:
    with pytest.raises(EventError) as caught:
        call(recorder)
    assert caught.value.field == field
    assert recorder.stats == RecorderStats(), "nothing was sent"


def test_observe_times_the_call(recorder: Recorder, read: Reader) -> None:
    ticks = iter([1.0, 1.5])
    with recorder.observe(features={"temp": 1}, segments={"origin": "JFK"}, timer=lambda: next(ticks)) as call:
        call.prediction = 0.75
        call.signals["tokens"] = 12
    recorder.flush()
    (message,) = read(recorder.predictions_topic, 1)
    event = decode_prediction_message(message.value())
    assert isinstance(event, Prediction)
    assert (event.prediction_id, event.prediction, event.latency_ms) == (call.prediction_id, 0.75, 500.0)
    assert (event.features, event.segments, event.signals) == ({"temp": 1.0}, {"origin": "JFK"}, {"tokens": 12.0})


def test_observe_records_exceptions_and_lets_them_go(recorder: Recorder, read: Reader) -> None:
    def fail() -> None:
        with recorder.observe(features={"temp": 1}) as call:
            call.prediction = object()  # half done: must not hide the exception
            raise RuntimeError("no model" + "!" * 500)

    with pytest.raises(RuntimeError, match="no model"):
        fail()
    recorder.flush()
    (message,) = read(recorder.predictions_topic, 1)
    event = decode_prediction_message(message.value())
    assert isinstance(event, Prediction)
    assert event.status == "error"
    assert event.error is not None
    assert event.error.startswith("RuntimeError: no model!")
    assert len(event.error) == 200
    assert event.prediction is None


def test_log_frame_sends_one_batch_per_partition(recorder: Recorder, read: Reader) -> None:
    ids = [f"row-{at}" for at in range(200)]
    frame = pd.DataFrame({"prediction_id": ids, "prediction": 0.5, "temp": range(200)})
    assert recorder.log_frame(frame) == 200
    recorder.flush()
    found = []
    for message in read(recorder.predictions_topic, PARTITIONS):
        batch = decode_prediction_message(message.value())
        assert isinstance(batch, PredictionBatch)
        assert {partition_for(one.encode(), PARTITIONS) for one in batch.prediction_ids} == {message.partition()}
        assert batch.timestamps_ms == [42] * len(batch.prediction_ids)
        found += batch.prediction_ids
    assert sorted(found) == sorted(ids)
    assert (recorder.stats.recorded, recorder.stats.delivered) == (200, 200)


@pytest.mark.parametrize("packed", [True, False])
def test_log_frame_packs_unless_told_otherwise(recorder: Recorder, read: Reader, packed: bool) -> None:  # noqa: FBT001
    assert recorder.log_frame({"prediction_id": list(range(200)), "temp": [0.1] * 200}, packed=packed) == 200
    recorder.flush()
    columns = [
        decode_batch(message.value()).features["temp"] for message in read(recorder.predictions_topic, PARTITIONS)
    ]
    assert {type(column) for column in columns} == {Float64Column if packed else list}


def test_empty_frames_send_nothing(recorder: Recorder) -> None:
    assert recorder.log_frame(pd.DataFrame({"prediction_id": []})) == 0
    assert recorder.stats == RecorderStats()


def test_watermark_follows_everything_on_every_partition(recorder: Recorder, read: Reader) -> None:
    for at in range(50):
        recorder.log(prediction_id=f"p{at}", prediction=0.5)
        recorder.label(f"p{at}", "late")
    assert recorder.watermark(START_MS + 99)
    recorder.flush()
    for topic in (recorder.predictions_topic, recorder.labels_topic):
        decode = decode_prediction_message if topic == recorder.predictions_topic else decode_label_message
        newest = {}
        for message in sorted(read(topic, 50 + PARTITIONS), key=lambda one: one.offset()):
            newest[message.partition()] = decode(message.value())
        assert newest == dict.fromkeys(range(PARTITIONS), Watermark(timestamp_ms=START_MS + 99))


def test_headers_carry_the_trace_and_cloudevents(mock_cluster: str, prefix: str, read: Reader) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with Recorder(mock_cluster, model="m", prefix=prefix, cloudevents_source="/planner") as recorder:
        recorder.log(prediction_id="a", prediction=1, traceparent=trace)
    (message,) = read(f"{prefix}predictions", 1)
    assert dict(message.headers()) == {
        "traceparent": trace.encode(),
        "ce_specversion": b"1.0",
        "ce_id": b"a",
        "ce_source": b"/planner",
        "ce_type": b"tidegauge.prediction.v1",
        "content-type": b"application/json",
    }


def test_a_full_queue_drops_and_counts() -> None:
    drops: list[Drop] = []
    recorder = Recorder(NOWHERE, model="m", queue_size=10, on_drop=drops.append)
    for at in range(25):
        recorder.log(prediction_id=str(at), prediction=0.5)
    assert recorder.stats == RecorderStats(recorded=25, queued=10, dropped={"queue_full": 15})
    assert recorder.close(0.01) is False
    assert recorder.stats == RecorderStats(recorded=25, dropped={"queue_full": 15, "closed": 10})
    assert Counter(drop.reason for drop in drops) == {"queue_full": 15, "closed": 10}
    assert {drop.key for drop in drops} == {str(at).encode() for at in range(25)}
    assert decode_prediction_message(drops[0].value)


def test_events_after_close_are_counted_not_raised(mock_cluster: str, prefix: str) -> None:
    recorder = Recorder(mock_cluster, model="m", prefix=prefix)
    assert recorder.close()
    recorder.log(prediction=1)
    assert recorder.stats == RecorderStats(recorded=1, dropped={"closed": 1})
    assert recorder.close()


def test_closing_twice_tells_the_same(mock_cluster: str, prefix: str) -> None:
    recorder = Recorder(NOWHERE, model="m")
    recorder.log(prediction=1)
    assert [recorder.close(0.01), recorder.close(0.01)] == [False, False]
    recorder = Recorder(mock_cluster, model="m", prefix=prefix)
    recorder.log(prediction=1)
    assert [recorder.close(), recorder.close()] == [True, True]
    recorder.label("a", 1)
    assert recorder.stats == RecorderStats(recorded=2, delivered=1, dropped={"closed": 1})


def test_too_large_an_event_is_dropped(recorder: Recorder) -> None:
    recorder.log(features={"text": "x" * 2_000_000})
    assert recorder.stats == RecorderStats(recorded=1, dropped={"too_large": 1})


def test_undeliverable_events_are_counted_by_the_recorders_own_thread() -> None:
    dropped = threading.Event()
    settings = {**NOWHERE, "message.timeout.ms": 50}
    recorder = Recorder(settings, model="m", on_drop=lambda _: dropped.set())
    recorder.log(prediction=1)
    assert dropped.wait(10)
    assert recorder.stats == RecorderStats(recorded=1, dropped={"delivery": 1})


def test_without_metadata_a_frame_is_dropped_and_a_watermark_says_so() -> None:
    drops: list[Drop] = []
    recorder = Recorder(NOWHERE, model="m", on_drop=drops.append)
    assert recorder.log_frame({"prediction_id": ["a", "b"]}, metadata_timeout_seconds=0.05) == 2
    assert recorder.stats == RecorderStats(recorded=2, dropped={"no_metadata": 2})
    assert [drop.rows for drop in drops] == [2]
    assert recorder.watermark(START_MS + 1, metadata_timeout_seconds=0.05) is False


def test_a_hook_that_raises_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    def hook(drop: Drop) -> None:
        raise RuntimeError(drop.reason)

    recorder = Recorder(NOWHERE, model="m", queue_size=1, on_drop=hook)
    for _ in range(3):
        recorder.log(prediction=1)
    assert recorder.stats.dropped == {"queue_full": 2}
    assert "on_drop failed" in caplog.text
    recorder.close(0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "bootstrap.servers"),
        ("", "bootstrap.servers"),
        ({"bootstrap.servers": "x:1", "partitioner": "consistent"}, "murmur2_random"),
        ({"bootstrap.servers": "x:1", "bootstrap.server": "x:1"}, "bootstrap.server"),
        ({"bootstrap.servers": "x:1", "acks": "some"}, "acks"),
    ],
)
def test_bad_settings_raise_when_it_is_made(settings: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Recorder(settings, model="m")


def test_model_must_be_named() -> None:
    with pytest.raises(EventError, match="model"):
        Recorder(NOWHERE, model="")


def test_many_threads_lose_nothing(mock_cluster: str, prefix: str) -> None:
    with Recorder(mock_cluster, model="m", prefix=prefix) as recorder:
        threads = [
            threading.Thread(target=lambda: [recorder.log(prediction=0.5) for _ in range(500)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert recorder.stats == RecorderStats(recorded=2000, delivered=2000)


def test_models_of_one_service_share_the_queue_and_its_order(recorder: Recorder, read: Reader) -> None:
    gate = recorder.for_model("gate", "2")
    for number in range(50):
        (recorder if number % 2 else gate).log(prediction_id="same-partition", timestamp_ms=START_MS + number)
    recorder.flush()
    events = [decode_prediction_message(m.value()) for m in read(recorder.predictions_topic, 50)]
    assert [e.timestamp_ms for e in events if isinstance(e, Prediction)] == list(range(START_MS, START_MS + 50))
    assert {(e.model, e.version) for e in events if isinstance(e, Prediction)} == {("planner", "2013.1"), ("gate", "2")}
    assert recorder.stats == gate.stats
    with pytest.raises(EventError, match="model"):
        recorder.for_model("")


def test_what_the_block_had_set_does_not_hide_its_exception(recorder: Recorder, read: Reader) -> None:
    def fail() -> None:
        with recorder.observe(features={"temp": 1}) as call:
            call.segments |= {"origin": object(), "gate": "\ud800", "carrier": "UA"}
            call.signals |= {"tokens": "many", "fare": 199}
            call.latency_ms = 3.25
            call.error = 5  # type: ignore[assignment]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    recorder.flush()
    (message,) = read(recorder.predictions_topic, 1)
    event = decode_prediction_message(message.value())
    assert isinstance(event, Prediction)
    assert (event.error, event.segments, event.signals) == ("5", {"carrier": "UA"}, {"fare": 199.0})
    assert event.latency_ms == 3.25


class Mute(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize("error", [ZeroDivisionError("caf\udce9"), Mute()])
def test_an_exception_may_say_what_it_will(recorder: Recorder, error: Exception) -> None:
    with pytest.raises(type(error)), recorder.observe():
        raise error
    assert recorder.stats.recorded == 1


@pytest.mark.parametrize(
    ("member", "recorded"), [("segments", 1), ("signals", 1), ("latency_ms", 1), ("prediction_id", 0)]
)
def test_no_member_of_a_call_hides_its_exception(recorder: Recorder, member: str, recorded: int) -> None:
    def fail() -> None:
        with recorder.observe() as call:
            setattr(call, member, 1.5 if member == "prediction_id" else object())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert recorder.stats.recorded == recorded
