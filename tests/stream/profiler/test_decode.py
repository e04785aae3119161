"""Every bad input becomes a dead letter with a reason; every good one a row."""

import json

import pytest

from stream.profiler.config import Limits
from stream.profiler.decode import decode_labels, decode_predictions
from stream.profiler.messages import RawBatch

GOOD = {"prediction_id": "a", "model": "m", "timestamp_ms": 1_700_000_000_000}
LABEL = {**GOOD, "label": "late"}


def batch(*values: bytes | None) -> RawBatch:
    return RawBatch(3, list(range(10, 10 + len(values))), [-1] * len(values), list(values))


def with_(**more: object) -> bytes:
    return json.dumps({**GOOD, **more}).encode()


BAD = {
    "empty": [None, b""],
    "invalid_json": [b"{", b"\xff\xfe", with_(features={"x": float("nan")}), with_(prediction_id="\ud800"),
                     with_() + b" {}"],
    "missing_field": [b"{}", b'{"prediction_id":"a","model":"m"}'],
    "wrong_type": [b"[]", with_(timestamp_ms=1.5), with_(model=""), with_(features=[1]),
                   with_(prediction_id="x" * 256)],
    "number_out_of_range": [with_(features={"x": 7}).replace(b"7", b"1e999")],
    "nested_too_deep": [with_(more=0).replace(b'"more": 0', b'"more": ' + b"[" * 100_000 + b"]" * 100_000)],
    "timestamp_out_of_range": [with_(timestamp_ms=-1), with_(timestamp_ms=1_700_000_000),
                               with_(timestamp_ms=10**18), with_(timestamp_ms=10**30)],
    "too_many_features": [with_(features={f"f{i}": 1 for i in range(10_000)})],
    "text_length": [with_(version="v" * 300)],
    "nul_character": [with_(prediction_id="a\x00b"), with_(model="m\x00"), with_(version="\x00")],
    "unknown_type": [with_(type="nonsense")],
    "ragged_batch": [b'{"type":"batch","prediction_ids":["a","b"],"model":"m","timestamps_ms":[1]}'],
}  # fmt: skip


@pytest.mark.parametrize(("reason", "raw"), [(reason, raw) for reason, raws in BAD.items() for raw in raws])
def test_a_bad_prediction_is_buried_alone(reason: str, raw: bytes | None) -> None:
    decoded = decode_predictions(batch(with_(), raw, with_()), Limits())
    assert [(letter.reason, letter.offset, letter.raw, letter.partition) for letter in decoded.dead] == [
        (reason, 11, raw or b"", 3)
    ]
    assert decoded.message_of_row == [0, 2]
    assert decoded.dead[0].detail


@pytest.mark.parametrize(
    "raw",
    [
        with_(features={}),
        with_(features={"x": 1e308, "y": None, "z": [1.0], "text\x00": "\x00"}),
        with_(future_field={"deep": [1]}),
        with_(features={"type": "a"}),
        with_(prediction_id="i" * 255, error="x" * 900_000),
    ],
)
def test_odd_but_good_predictions_are_rows(raw: bytes) -> None:
    decoded = decode_predictions(batch(raw), Limits())
    assert (len(decoded.rows), decoded.dead) == (1, [])


def test_rows_of_a_batch_message_are_judged_one_by_one() -> None:
    message = {
        "type": "batch", "model": "m", "version": "1", "prediction_ids": ["a", "", "c"],
        "timestamps_ms": [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002],
        "features": {"x": [1, None, 3]}, "segments": {"s": ["p", None, None]}, "latencies_ms": [1.5, None, None],
        "errors": [None, None, "boom"], "predictions": [0.1, 0.2, 0.3],
    }  # fmt: skip
    decoded = decode_predictions(batch(with_(), json.dumps(message).encode()), Limits())
    assert [row.prediction_id for row in decoded.rows] == ["a", "a", "c"]
    assert decoded.message_of_row == [0, 1, 1]
    assert [(letter.reason, letter.row) for letter in decoded.dead] == [("text_length", 1)]
    first, last = decoded.rows[1:]
    assert (first.features, first.segments, first.latency_ms, first.status) == ({"x": 1.0}, {"s": "p"}, 1.5, "ok")
    assert (last.features, last.segments, last.latency_ms, last.status) == ({"x": 3.0}, {}, None, "error")


def test_watermarks_and_feedback_are_no_rows() -> None:
    watermark = b'{"type":"watermark","timestamp_ms":7}'
    feedback = b'{"type":"feedback","prediction_id":"a","timestamp_ms":1,"signals":{"thumbs":1}}'
    late = b'{"type":"watermark","timestamp_ms":-7}'
    decoded = decode_labels(batch(json.dumps(LABEL).encode(), watermark, feedback, late), Limits())
    assert (len(decoded.rows), decoded.watermarks, decoded.feedback) == (1, [(1, 7)], 1)
    assert [letter.reason for letter in decoded.dead] == ["timestamp_out_of_range"]
    assert decode_predictions(batch(watermark), Limits()).watermarks == [(0, 7)]


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("missing_field", {"label": ...}),
        ("wrong_type", {"label": None}),
        ("text_length", {"label": "x" * 300}),
        ("nul_character", {"prediction_id": "\x00"}),
        ("timestamp_out_of_range", {"timestamp_ms": -5}),
    ],
)
def test_a_bad_label_is_buried(reason: str, change: dict[str, object]) -> None:
    event = {k: v for k, v in {**LABEL, **change}.items() if v is not ...}
    decoded = decode_labels(batch(json.dumps(event).encode()), Limits())
    assert [letter.reason for letter in decoded.dead] == [reason]


def test_the_sentence_about_nan_says_what_to_do() -> None:
    letter = decode_predictions(batch(with_(prediction=float("nan"))), Limits()).dead[0]
    assert "send null" in letter.detail
