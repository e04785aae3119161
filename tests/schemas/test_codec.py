import math

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge import codec
from tidegauge.alerts import Alert, Finding
from tidegauge.codec import decode_label_message, decode_prediction_message, encode
from tidegauge.errors import DecodeError, EventError, TidegaugeError
from tidegauge.events import Feedback, Label, Prediction, PredictionBatch, Watermark


def prediction(**fields: object) -> Prediction:
    return Prediction(**{"prediction_id": "a", "model": "m", "timestamp_ms": 1, **fields})  # type: ignore[arg-type]


def written(message: codec.Message) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(encode(message))
    return found


def test_defaults_are_left_out() -> None:
    assert encode(prediction()) == b'{"prediction_id":"a","model":"m","timestamp_ms":1}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.bool_(True), True),
        (np.str_("UA"), "UA"),
        (np.array(1.5), 1.5),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (np.array([1.0, 2.0, 3.0])[::2], [1.0, 3.0]),
        (np.float64("nan"), None),
        (np.float32("nan"), None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
    ],
)
def test_features_as_services_hold_them(value: object, expected: object) -> None:
    raw = encode(prediction(features={"x": value}))
    assert orjson.loads(raw)["features"] == {"x": expected}
    decoded = decode_prediction_message(raw)
    assert isinstance(decoded, Prediction)
    assert decoded.features == {"x": expected}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_may_not_be_null_is_left_out(bad: float) -> None:
    assert written(prediction(latency_ms=bad, signals={"cost": bad, "n": 1})) == {
        **written(prediction()),
        "signals": {"n": 1},
    }
    alert = Alert(
        alert_id="a",
        seq=1,
        status="firing",
        severity="info",
        kind="features",
        model="m",
        value=bad,
        findings=[Finding(subject="x", value=bad, effects={"psi": bad, "ks": 0.5})],
    )
    decoded = codec.decode_alert(encode(alert))
    assert decoded.value is None
    assert decoded.findings == [Finding(subject="x", effects={"ks": 0.5})]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"features": {"ok": 1, "x": object()}}, "features.x"),
        ({"features": {"x": "\ud800"}}, "features.x"),
        ({"features": {1: 2}}, "features.1"),
        ({"segments": {"origin": {1, 2}}}, "segments.origin"),
        ({"error": "\ud800"}, "error"),
        ({"prediction": 2**70}, "prediction"),
        ({"signals": {"cost": object()}}, "signals.cost"),
    ],
)
def test_what_json_cannot_say_is_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(EventError) as caught:
        encode(prediction(**fields))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (prediction(features={"type": "batch"}), Prediction),
        (PredictionBatch(prediction_ids=["a"], model="m", timestamps_ms=[1]), PredictionBatch),
        (Watermark(timestamp_ms=5), Watermark),
    ],
)
def test_type_tells_prediction_messages_apart(message: codec.PredictionMessage, kind: type) -> None:
    decoded = decode_prediction_message(encode(message))
    assert type(decoded) is kind
    assert decoded == message


@pytest.mark.parametrize(
    "message",
    [
        Label(prediction_id="a", label=True, timestamp_ms=1),
        Label(prediction_id="type", label="type", timestamp_ms=1),
        Feedback(prediction_id="a", timestamp_ms=1, signals={"thumbs": 1.0}),
        Watermark(timestamp_ms=5),
    ],
)
def test_type_tells_label_messages_apart(message: codec.LabelMessage) -> None:
    assert decode_label_message(encode(message)) == message


def test_explicit_types_of_plain_messages_and_unknown_fields_are_fine() -> None:
    raw = b'{"type":"prediction","prediction_id":"a","model":"m","timestamp_ms":1,"future":{"x":[1]}}'
    assert decode_prediction_message(raw) == prediction()
    raw = b'{"type":"label","prediction_id":"a","label":1,"timestamp_ms":1,"future":null}'
    assert decode_label_message(raw) == Label(prediction_id="a", label=1, timestamp_ms=1)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"null", "Expected `object`"),
        (b"\xff\xfe", "malformed"),
        (b'{"prediction_id":"\xff"}', "'utf-8' codec"),
        (b'{"prediction_id":"\\ud800"}', "truncated"),
        (b'{"prediction_id":"a","timestamp_ms":1}', "`model`"),
        (b'{"prediction_id":"","model":"m","timestamp_ms":1}', "$.prediction_id"),
        (b'{"prediction_id":"a","model":"m","timestamp_ms":"1"}', "$.timestamp_ms"),
        (b'{"prediction_id":"a","model":"m","timestamp_ms":1,"features":{"x":{}}}', "$.features"),
        (b'{"prediction_id":"a","model":"m","timestamp_ms":1,"prediction":NaN}', "malformed"),
        (b'{"prediction_id":"a","model":"m","timestamp_ms":1,"prediction":1e999}', "out of range"),
        (b'{"type":"surprise"}', "'surprise'"),
        (b'{"type":7}', "$.type"),
        (b'{"type":"watermark"}', "timestamp_ms"),
    ],
)
def test_bad_bytes_say_what_is_wrong(raw: bytes, told: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_prediction_message(raw)
    assert told in str(caught.value)


@pytest.mark.parametrize("role", sorted(codec.DECODERS))
@given(raw=st.binary(max_size=40))
def test_arbitrary_bytes_raise_nothing_else(role: str, raw: bytes) -> None:
    try:
        codec.decode(role, raw)
    except TidegaugeError as error:
        assert isinstance(error, DecodeError)  # noqa: PT017 random bytes may also happen to be a message


def test_unknown_roles_raise() -> None:
    with pytest.raises(KeyError):
        codec.decode("surprises", b"{}")


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
feature_values = st.one_of(numbers, names, st.booleans(), st.none(), st.lists(numbers, max_size=3))


@given(
    message=st.builds(
        Prediction,
        prediction_id=names,
        model=names,
        timestamp_ms=st.integers(0, 2**53),
        version=names,
        features=st.dictionaries(names, feature_values, max_size=5),
        prediction=feature_values,
        latency_ms=st.one_of(st.none(), numbers),
        segments=st.dictionaries(names, names, max_size=3),
        signals=st.dictionaries(names, numbers, max_size=3),
    )
)
def test_what_is_written_is_read(message: Prediction) -> None:
    assert decode_prediction_message(encode(message)) == message


def test_writing_agrees_with_msgspec_where_both_can() -> None:
    message = prediction(features={"x": 1.5}, signals={"y": 2.0}, segments={"o": "JFK"})
    assert encode(message) == msgspec.json.encode(message)


def test_profiles_are_positional() -> None:
    report = codec.decode_profiles(
        msgspec.msgpack.encode(["watermarks", "w", 4, [[0, 1, 2, 3, 4, 5, False, "new"]], 1])
    )
    assert isinstance(report, codec.WatermarkReport)
    assert report.shards[0].newest_ms == 5
    with pytest.raises(DecodeError):
        codec.decode_profiles(b"\xc1")
