import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tidegauge.errors import EventError
from tidegauge.events import MAX_FEATURES
from tidegauge.recorder import values


class Row(NamedTuple):
    temp: float
    carrier: str


RECORD = np.array([(3.5, "UA")], dtype=[("temp", "f8"), ("carrier", "U2")])[0]
FRAME = pd.DataFrame({"temp": [3.5], "carrier": ["UA"]})


@pytest.mark.parametrize(
    "row",
    [
        {"temp": 3.5, "carrier": "UA"},
        {"temp": np.float32(3.5), "carrier": np.str_("UA")},
        Row(3.5, "UA"),
        RECORD,
        FRAME.iloc[0],
        next(FRAME.itertuples()),
        pl.DataFrame({"temp": [3.5], "carrier": ["UA"]}).row(0, named=True),
    ],
    ids=["dict", "numpy scalars", "named tuple", "record", "series", "itertuples", "polars"],
)
def test_rows_of_every_library(row: object) -> None:
    assert values.feature_row(row) == {"temp": 3.5, "carrier": "UA"}


def test_arrays_need_names() -> None:
    assert values.feature_row(np.array([1.0, 2.0]), ("a", "b")) == {"a": 1.0, "b": 2.0}
    with pytest.raises(EventError, match="3 values"):
        values.feature_row(np.array([1.0, 2.0]), ("a", "b", "c"))
    with pytest.raises(EventError, match="feature_names"):
        values.feature_row([1.0, 2.0])
    assert values.feature_row(None) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (2**70, float(2**70)),
        (Decimal("1.5"), 1.5),
        (True, True),
        (np.bool_(False), False),
        (np.int8(-3), -3),
        (pd.NA, None),
        (pd.NaT, None),
        ([1, 2.5, None], [1, 2.5, None]),
        ((1, np.float32(2.5)), [1, 2.5]),
        (np.array([[1.0]])[0], [1.0]),
    ],
)
def test_features(value: object, expected: object) -> None:
    assert values.feature(value, "features.x") == expected


@pytest.mark.parametrize(
    "value", [object(), {"a": 1}, {1}, b"raw", datetime.now(UTC), ["a"], [[1.0]], 1j, np.ones((2, 2))]
)
def test_what_is_no_feature_is_named(value: object) -> None:
    with pytest.raises(EventError) as caught:
        values.feature_row({"ok": 1, "x": value})
    assert caught.value.field.startswith("features.x")


@pytest.mark.parametrize("name", [1, None, "", ("a", "b")])
def test_names_are_text(name: object) -> None:
    with pytest.raises(EventError, match="names must be text"):
        values.feature_row({name: 1.0})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (7, "7"), (np.int64(7), "7"), (UUID(int=1), str(UUID(int=1))), ("é" * 255, "é" * 255)],
)
def test_ids(value: object, expected: str) -> None:
    assert values.text_id(value) == expected


@pytest.mark.parametrize("value", ["", "x" * 256, None, 1.5, "\ud800", b"a", "a\x00"])
def test_what_is_no_id_is_refused(value: object) -> None:
    with pytest.raises(EventError, match="prediction_id"):
        values.text_id(value)


@pytest.mark.parametrize("value", [1.5, "1", None, -1, 1_700_000_000, 1_700_000_000_000_000, datetime.now(UTC)])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(EventError, match="timestamp_ms"):
        values.timestamp(value)


def test_predictions_and_probabilities() -> None:
    assert values.prediction_value(np.float64(0.5)) == 0.5
    assert values.prediction_value("late") == "late"
    assert values.prediction_value(np.array([0.25, 0.75])) == [0.25, 0.75]
    assert values.probabilities({"late": np.float32(0.25)}) == {"late": 0.25}
    assert values.probabilities(np.array([0.25, 0.75])) == [0.25, 0.75]


@pytest.mark.parametrize("value", [{"late": math.nan}, [0.5, math.nan], {"late": "x"}, 0.5, "late", {"late": None}])
def test_what_is_no_probability_is_refused(value: object) -> None:
    with pytest.raises(EventError, match="probabilities"):
        values.probabilities(value)


def test_vectors_of_predictions_are_finite() -> None:
    with pytest.raises(EventError, match=r"prediction\[1\]"):
        values.prediction_value([0.5, math.inf])


def test_signals_that_are_missing_are_left_out() -> None:
    assert values.signals({"a": 1, "b": None, "c": math.nan, "d": np.float32(2.0)}) == {"a": 1, "d": 2.0}
    with pytest.raises(EventError, match=r"signals\.a"):
        values.signals({"a": "many"})


def test_segments_are_text() -> None:
    given = {"origin": "JFK", "hour": np.int64(7), "gate": None, "night": True}
    assert values.segments(given) == {"origin": "JFK", "hour": "7", "night": "true"}
    with pytest.raises(EventError, match=r"segments\.share"):
        values.segments({"share": 0.5})


@pytest.mark.parametrize("value", ["late", 1, 0.5, True, np.int64(1), np.bool_(True)])
def test_labels(value: object) -> None:
    assert values.label_value(value) == value


@pytest.mark.parametrize("value", [None, math.nan, np.float64("nan"), [1.0], pd.NA, object()])
def test_what_is_no_label_is_refused(value: object) -> None:
    with pytest.raises(EventError, match="label"):
        values.label_value(value)


def test_what_no_worker_takes_is_refused_at_once() -> None:
    assert values.version(None) == values.version("") == ""
    assert values.version("v" * 255) == "v" * 255
    with pytest.raises(EventError, match="version"):
        values.version("v" * 256)
    assert len(values.feature_row({f"f{at}": 1.0 for at in range(MAX_FEATURES)})) == MAX_FEATURES
    with pytest.raises(EventError, match="512 at most, not 513"):
        values.feature_row({f"f{at}": 1.0 for at in range(MAX_FEATURES + 1)})


class Sparse:
    """As SciPy's sparse matrices: no length, no item but by two indices."""

    shape = (1, 3)

    def toarray(self) -> Any:
        return np.array([[3.5, "UA", True]], dtype=object)


@pytest.mark.parametrize(
    "row",
    [
        pd.DataFrame({"temp": [3.5], "carrier": ["UA"], "late": [True]}, index=[7]),
        pl.DataFrame({"temp": [3.5], "carrier": ["UA"], "late": [True]}),
        pa.table({"temp": [3.5], "carrier": ["UA"], "late": [True]}),
        pa.RecordBatch.from_pydict({"temp": [3.5], "carrier": ["UA"], "late": [True]}),
        np.array([(3.5, "UA", True)], dtype=[("temp", "f8"), ("carrier", "U2"), ("late", "?")]),
        np.array([[3.5, "UA", True]], dtype=object),
        np.array([[3.5, "UA", True]], dtype=object).view(np.matrix),
        Sparse(),
    ],
    ids=["pandas", "polars", "arrow", "arrow batch", "records", "matrix", "numpy.matrix", "sparse"],
)
def test_a_frame_of_one_row_is_its_row(row: object) -> None:
    assert values.feature_row(row, ("temp", "carrier", "late")) == {"temp": 3.5, "carrier": "UA", "late": True}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"temp": [3.5, 4.5]}),
        pa.table({"temp": [3.5, 4.5]}),
        np.array([(3.5, 2), (4.5, 3)], dtype=[("temp", "f8"), ("gate", "i8")]),
    ],
    ids=["pandas", "arrow", "records"],
)
def test_a_frame_of_more_rows_is_none(frame: object) -> None:
    with pytest.raises(EventError, match="features: must be one row, not 2: `log_frame` takes frames"):
        values.feature_row(frame)


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame([[3.5, 4.5]], columns=["temp", "temp"]), pa.table([[3.5], [4.5]], names=["temp", "temp"])],
    ids=["pandas", "arrow"],
)
def test_columns_of_a_row_have_names_of_their_own(frame: object) -> None:
    with pytest.raises(EventError, match="features: two columns have the same name"):
        values.feature_row(frame)


def test_an_infinite_label_is_refused() -> None:
    with pytest.raises(EventError, match="label: must be finite, not inf"):
        values.label_value(math.inf)


def test_a_label_that_every_worker_would_refuse_is_refused() -> None:
    assert values.label_value("x" * 255) == "x" * 255
    with pytest.raises(EventError, match="label: must have 255 characters at most, not 256"):
        values.label_value("x" * 256)


def test_numbers_that_no_float_holds_are_refused() -> None:
    with pytest.raises(EventError, match=r"features\.x: must not be beyond 1.8e308"):
        values.feature_row({"x": 10**400})


@pytest.mark.parametrize("missing", [None, math.nan, np.float64("nan"), np.float32("nan"), pd.NA])
def test_segments_that_are_missing_are_left_out(missing: object) -> None:
    assert values.segments({"origin": missing, "carrier": "UA"}) == {"carrier": "UA"}
