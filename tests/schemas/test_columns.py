"""Packed columns say what the lists said that they were made from, or are refused."""

import math
from base64 import b64encode
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.codec import decode_batch, decode_prediction_message, encode
from tidegauge.columns import LEAST_ROWS, packed, unpacked
from tidegauge.errors import DecodeError, EventError
from tidegauge.events import CategoryColumn, Float32Column, Float64Column, Int64Column, PredictionBatch

NUMBERS = st.one_of(st.none(), st.floats(), st.floats(width=32), st.integers(-(2**63), 2**64 - 1))
TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=3), st.sampled_from(["UA", "DL"]))
VALUES = st.one_of(NUMBERS, TEXTS, st.booleans(), st.lists(st.floats(0, 1), max_size=2))


@st.composite
def batches(draw: st.DrawFn) -> PredictionBatch:
    rows = draw(st.integers(0, 3 * LEAST_ROWS))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return PredictionBatch(
        prediction_ids=[f"id{row}" for row in range(rows)],
        model="m",
        timestamps_ms=column(st.integers(-(2**63), 2**63 - 1)),
        features={name: column(draw(st.sampled_from([NUMBERS, TEXTS, VALUES]))) for name in "xyz"},
        predictions=column(NUMBERS.filter(lambda value: value is None or math.isfinite(value))),
        latencies_ms=column(NUMBERS),
        errors=column(st.one_of(st.none(), st.just("boom"))),
        segments={"origin": column(TEXTS)},
        signals={"fare": column(NUMBERS)},
    )


@given(batch=batches())
def test_packed_is_read_as_the_list_would_be(batch: PredictionBatch) -> None:
    assert decode_prediction_message(encode(packed(batch))) == decode_prediction_message(encode(batch))


def one(column: list[Any]) -> Any:
    ids = [str(row) for row in range(len(column))]
    return packed(
        PredictionBatch(prediction_ids=ids, model="m", timestamps_ms=[0] * len(ids), features={"x": column})
    ).features["x"]


@pytest.mark.parametrize(
    ("column", "form"),
    [
        ([0.1] * 8, Float64Column),
        ([0.5, None] * 4, Float32Column),
        ([1, 2] * 4, Float32Column),
        ([2**24 + 1, 2] * 4, Float64Column),
        ([1e300, math.nan] * 4, Float64Column),
        (["a", None] * 4, CategoryColumn),
        ([f"{row}" for row in range(8)], list),
        ([f"{row % 256}" for row in range(1_000)], list),
        ([f"{row % 255}" for row in range(1_000)], CategoryColumn),
        ([True, False] * 4, list),
        ([True, 1.0] * 4, list),
        ([None] * 8, list),
        ([10**400, 1] * 4, list),
        ([0.1] * 7, list),
        ([[0.5]] * 8, list),
    ],
)
def test_each_column_gets_the_form_that_keeps_it(column: list[Any], form: type) -> None:
    assert type(one(column)) is form


def test_what_json_cannot_say_is_named_in_a_packed_column_too() -> None:
    for column in (["\ud800", "a"] * 4, [10**400, 1.0] * 4):
        batch = PredictionBatch(
            prediction_ids=[str(row) for row in range(8)], model="m", timestamps_ms=[0] * 8, features={"x": column}
        )
        with pytest.raises(EventError) as caught:
            encode(packed(batch))
        assert caught.value.field == "features.x"


def raw(**column: Any) -> bytes:
    batch = {"type": "batch", "prediction_ids": ["a"], "model": "m", "timestamps_ms": [0], "features": {"x": column}}
    return orjson.dumps(batch)


def data(value: bytes) -> str:
    return b64encode(value).decode()


def test_infinities_of_other_writers_are_missing() -> None:
    batch = decode_prediction_message(raw(dtype="f4", bdata=data(b"\x00\x00\x80\x7f")))
    assert isinstance(batch, PredictionBatch)
    assert batch.features == {"x": [None]}


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"dtype": "f8", "bdata": data(b"1234567")}, "7 bytes of packed data are no whole number of 8"),
        ({"dtype": "f8", "bdata": "****"}, "base64"),
        ({"dtype": "f8"}, "bdata"),
        ({"dtype": "i8", "bdata": ""}, "'i8'"),
        ({"bdata": ""}, "dtype"),
        ({"dtype": "u1", "bdata": data(b"\x02"), "categories": ["a", "b"]}, "code 2, which is none of 2 categories"),
        ({"dtype": "u1", "bdata": data(b"\x00"), "categories": ["a", "a"]}, "a category twice"),
        ({"dtype": "u1", "bdata": data(b"\x00"), "categories": ["a"] * 256}, "length <= 255"),
    ],
)
def test_what_cannot_be_unpacked_says_why(column: dict[str, Any], told: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_prediction_message(raw(**column))
    assert told in str(caught.value)


def test_a_column_is_left_as_it_came_by_the_lower_decoder() -> None:
    batch = decode_batch(raw(dtype="f8", bdata=data(b"\x00" * 8)))
    assert batch.features == {"x": Float64Column(bdata=b"\x00" * 8)}
    assert unpacked(batch).features == {"x": [0.0]}
    assert unpacked(unpacked(batch)) == unpacked(batch)


def test_the_readmes_example_is_read() -> None:
    text = (Path(__file__).parents[2] / "schemas" / "README.md").read_text("utf-8")
    example = text[text.index('    {"type": "batch"') :].split("\n\n")[0]
    batch = decode_prediction_message(example.encode())
    assert isinstance(batch, PredictionBatch)
    assert batch.features == {"temp": [11.5, None], "carrier": ["UA", "DL"]}


def test_times_are_packed_whole() -> None:
    batch = PredictionBatch(prediction_ids=list("abcdefgh"), model="m", timestamps_ms=[2**53 + 1] * 8)
    assert isinstance(packed(batch).timestamps_ms, Int64Column)
    assert unpacked(packed(batch)) == batch
