"""Every kind of bad input, and the fate of its rows: refused with a reason, left out by a rule, or counted."""

import json
from typing import Any, NamedTuple

DAY_MS = 86_400_000
MEGABYTE = 1_000_000


class Case(NamedTuple):
    """One message. `fate` is "accepted", "dropped" or "dead", `reason` its name, `says` what a person reads of it."""

    name: str
    raw: bytes | None
    fate: str
    reason: str = ""
    says: str = ""
    rows: int = 1
    role: str = "predictions"


def prediction(now_ms: int, **changes: Any) -> bytes:
    """Return a good prediction with some members changed; `...` leaves one out."""
    event = {
        "prediction_id": "p", "model": "rubbish", "timestamp_ms": now_ms, "version": "1", "prediction": 0.5,
        "features": {"x": 1.5, "kind": "a"}, "latency_ms": 2.0, "segments": {"shop": "north"},
    }  # fmt: skip
    return _json(event, changes)


def label(now_ms: int, **changes: Any) -> bytes:
    """Return a good label with some members changed."""
    return _json({"prediction_id": "p", "model": "rubbish", "label": "late", "timestamp_ms": now_ms}, changes)


def batch(now_ms: int, **changes: Any) -> bytes:
    """Return a good batch message of three rows with some columns changed."""
    columns = {
        "type": "batch", "prediction_ids": ["a", "b", "c"], "model": "rubbish", "timestamps_ms": [now_ms] * 3,
        "predictions": [0.1, 0.2, 0.3], "features": {"x": [1.0, None, 3.0]},
    }  # fmt: skip
    return _json(columns, changes)


def _json(event: dict[str, Any], changes: dict[str, Any]) -> bytes:
    return json.dumps({k: v for k, v in {**event, **changes}.items() if v is not ...}).encode()


def cases(now_ms: int) -> list[Case]:
    """Return all of them; `now_ms` is the time of the good rows around them."""
    good = prediction(now_ms)
    return [*unreadable(good), *refused(now_ms, good), *counted(now_ms, good), *labels(now_ms)]


def unreadable(good: bytes) -> list[Case]:
    """Return what is no message at all."""
    deep = good[:-1] + b', "more": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    return [
        Case("cut short", good[:40], "dead", "invalid_json", "truncated"),
        Case("no JSON", b"<xml/>", "dead", "invalid_json", "malformed"),
        Case("two in one", good + good, "dead", "invalid_json", "trailing characters"),
        Case("a list", b"[1, 2]", "dead", "wrong_type", "Expected `object`, got `array`"),
        Case("NaN", good.replace(b"1.5", b"NaN"), "dead", "invalid_json", "send null for a missing number"),
        Case("infinity", good.replace(b"0.5", b"-Infinity"), "dead", "invalid_json", "send null for a missing number"),
        Case("1e400", good.replace(b"1.5", b"1e400"), "dead", "number_out_of_range", "$.features"),
        Case("bad UTF-8", good.replace(b'"p"', b'"\xff\xfe"'), "dead", "invalid_json", "can't decode byte 0xff"),
        Case("lone surrogate", good.replace(b'"p"', b'"\\ud800"'), "dead", "invalid_json", "surrogate"),
        Case("raw NUL", good.replace(b'"p"', b'"p\x00"'), "dead", "invalid_json", "invalid character"),
        Case("empty", b"", "dead", "empty", "no value"),
        Case("tombstone", None, "dead", "empty", "no value"),
        Case("nested deeply", deep, "dead", "nested_too_deep", "levels"),
        Case("a megabyte of nothing", b"{" + b" " * MEGABYTE, "dead", "invalid_json", "truncated"),
    ]


def refused(now_ms: int, good: bytes) -> list[Case]:
    """Return JSON that is no prediction."""

    def case(name: str, reason: str, says: str, **changes: Any) -> Case:
        return Case(name, prediction(now_ms, **changes), "dead", reason, says)

    return [
        case("number as id", "wrong_type", "Expected `str`, got `int` - at `$.prediction_id`", prediction_id=7),
        case("features as list", "wrong_type", "$.features", features=[1]),
        case("ISO timestamp", "wrong_type", "$.timestamp_ms", timestamp_ms="2024-01-01T00:00:00Z"),
        case("latency as text", "wrong_type", "$.latency_ms", latency_ms="2 ms"),
        case("no model", "missing_field", "`model`", model=...),
        case("no timestamp", "missing_field", "`timestamp_ms`", timestamp_ms=...),
        case("no id", "wrong_type", "length >= 1 - at `$.prediction_id`", prediction_id=""),
        case("long id", "wrong_type", "length <= 255 - at `$.prediction_id`", prediction_id="x" * 256),
        case("long version", "text_length", "version has 300 characters", version="x" * 300),
        case("NUL in the id", "nul_character", "prediction_id holds a NUL", prediction_id="a\x00b"),
        case("10 000 features", "too_many_features", "at most 512", features={f"f{i}": 1.0 for i in range(10_000)}),
        case("negative timestamp", "timestamp_out_of_range", "milliseconds since 1970", timestamp_ms=-1),
        case("seconds", "timestamp_out_of_range", "seconds, or microseconds", timestamp_ms=now_ms // 1_000),
        case("nanoseconds", "timestamp_out_of_range", "milliseconds since 1970", timestamp_ms=now_ms * 1_000_000),
        case("beyond 64 bits", "timestamp_out_of_range", "milliseconds since 1970", timestamp_ms=10**30),
        case("unknown type", "unknown_type", "'predicton' is none of batch, watermark", type="predicton"),
        case("a megabyte of type", "unknown_type", "is none of batch, watermark", type="t" * MEGABYTE),
        Case(
            "a megabyte of name, unequal",
            batch(now_ms, features={"n" * MEGABYTE: [0.1]}),
            "dead",
            "ragged_batch",
            "has 1 entries",
        ),
        Case("5 000 digits", good.replace(str(now_ms).encode(), b"1" * 5_000), "dead", "number_out_of_range", "$.time"),
        Case("unequal columns", batch(now_ms, predictions=[0.1]), "dead", "ragged_batch", "predictions has 1 entries"),
    ]


def counted(now_ms: int, good: bytes) -> list[Case]:
    """Return what is strange, but counts: in part, as missing, apart, or under a name of its own."""

    def case(name: str, **changes: Any) -> Case:
        return Case(name, prediction(now_ms, **{"prediction_id": name, **changes}), "accepted")

    old = prediction(now_ms, prediction_id="old", timestamp_ms=now_ms - DAY_MS)
    return [
        case("no features", features={}),
        case("512 features", features={f"f{i}": 1.0 for i in range(512)}),
        case("1e308", features={"x": 1e308, "kind": -1e308}, prediction=1e308, latency_ms=1e308),
        case("nested features", features={"x": [1.0, None], "kind": [2.0]}),
        case("types that change", features={"x": "text", "kind": 3}),
        case("NUL in a feature", features={"x": "a\x00b"}, segments={"shop": "a\x00b"}),
        case("empty names", features={"": 1.0}, segments={"": ""}, signals={"": 0.0}),
        case("our own names", features={"__score__": 1.0, "__other__": "__other__"}, segments={"__other__": "a=b|c"}),
        case("a megabyte of text", features={"x": 1.0, "kind": "k" * MEGABYTE}),
        case("a megabyte of name", features={"n" * MEGABYTE: 1.0}),
        case("a megabyte of name, learnt", model="learnt", features={"n" * MEGABYTE: 1.0}),
        case("a megabyte of text, learnt", model="learnt", features={"kind": "k" * MEGABYTE}),
        case("512 long names, learnt", model="wide", features={f"{i:250}": float(i) for i in range(512)}),
        case("512 texts, learnt", model="wide", features={f"{i:250}t": "t" * 1_000 for i in range(512)}),
        case("our own names, learnt", model="learnt", features={"__score__": 1.0, "": "x", "a\x00": True}),
        case("our own model", model="__other__"),
        case("a long vector", features={"x": [0.5] * 100_000}),
        case("unknown model", model="nobody-declared-me"),
        case("unknown fields", host={"of": ["no", "interest"]}),
        case("negative latency", latency_ms=-5.0),
        case("nothing predicted", prediction=None, probabilities=None),
        case("wrong probabilities", prediction="late", probabilities=[2.0, -1.0]),
        case("in the future", timestamp_ms=now_ms + 365 * DAY_MS),
        Case("yesterday", old, "dropped", "late_beyond_retention"),
        Case("a batch", batch(now_ms), "accepted", rows=3),
        Case("an empty batch", batch(now_ms, prediction_ids=[], timestamps_ms=[], predictions=[], features={}),
             "accepted", rows=0),
    ]  # fmt: skip


def labels(now_ms: int) -> list[Case]:
    """Return the same for labels."""

    def case(name: str, fate: str, reason: str = "", says: str = "", **changes: Any) -> Case:
        return Case(f"label: {name}", label(now_ms, **changes), fate, reason, says, role="labels")

    return [
        case("for nothing", "accepted", prediction_id="never predicted"),
        case("for no model", "accepted", prediction_id="never predicted", model=...),
        case("1e308", "accepted", label=1e308),
        case("a number for a class", "accepted", label=3),
        case("in the future", "accepted", timestamp_ms=now_ms + 365 * DAY_MS),
        case("null", "dead", "wrong_type", "$.label", label=None),
        case("missing", "dead", "missing_field", "`label`", label=...),
        case("long", "dead", "text_length", "label has 1000 characters", label="x" * 1_000),
        case("NUL in the id", "dead", "nul_character", "prediction_id holds a NUL", prediction_id="a\x00"),
        case("unknown type", "dead", "unknown_type", "none of feedback, watermark", type="labl"),
        case("negative timestamp", "dead", "timestamp_out_of_range", "milliseconds", timestamp_ms=-1),
        case("feedback", "dropped", "feedback", type="feedback", label=..., signals={"thumbs": 1}),
        Case("label: infinity", label(now_ms).replace(b'"late"', b"Infinity"), "dead", "invalid_json", "send null",
             role="labels"),
        Case("label: empty", b"", "dead", "empty", "no value", role="labels"),
    ]  # fmt: skip
