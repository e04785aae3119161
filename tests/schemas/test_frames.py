import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.codec import decode_prediction_message
from tidegauge.errors import EventError
from tidegauge.events import PredictionBatch
from tidegauge.partitioner import partition_for
from tidegauge.recorder import frames

NOON = datetime(2013, 4, 22, 12, tzinfo=UTC)
NOON_MS = 1_366_632_000_000
COLUMNS: dict[str, list[Any]] = {
    "prediction_id": ["a", "b", "c"],
    "prediction": [0.1, 0.2, 0.3],
    "temp": [1.5, math.nan, 2.5],
    "carrier": ["UA", None, "DL"],
    "origin": ["JFK", "EWR", "LGA"],
    "fare": [1.0, 2.0, 3.0],
    "label": ["late", "late", "late"],
}
RECORDS = np.array(
    list(zip(*COLUMNS.values(), strict=True)),
    dtype=[("prediction_id", "U1"), ("prediction", "f8"), ("temp", "f8"), ("carrier", "O"), ("origin", "U3"),
           ("fare", "f8"), ("label", "U4")],
)  # fmt: skip


def batch_of(frame: Any, **layout: Any) -> PredictionBatch:
    chosen = {"columns": {}, "features": None, "segments": (), "signals": (), **layout}
    return frames.batch_of(frame, frames.FrameLayout.of(**chosen), model="m", version="v", now_ms=7)


def known(column: list[Any]) -> list[Any]:
    return [None if pd.isna(value) else value for value in column]


@pytest.mark.parametrize(
    "frame",
    [
        COLUMNS,
        {name: np.array(column, dtype=object) for name, column in COLUMNS.items()},
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).convert_dtypes(),
        pl.DataFrame(COLUMNS),
        pa.table(COLUMNS),
        RECORDS,
    ],
    ids=["lists", "arrays", "pandas", "pandas nullable", "polars", "arrow", "records"],
)
def test_frames_of_every_library(frame: Any) -> None:
    batch = batch_of(frame, segments=["origin"], signals=["fare"])
    assert batch.prediction_ids == ["a", "b", "c"]
    assert batch.timestamps_ms == [7, 7, 7]
    assert batch.predictions == [0.1, 0.2, 0.3]
    assert set(batch.features) == {"temp", "carrier"}, "neither labels nor segments nor signals"
    assert known(batch.features["temp"]) == [1.5, None, 2.5]
    assert known(batch.features["carrier"]) == ["UA", None, "DL"]
    assert batch.segments == {"origin": ["JFK", "EWR", "LGA"]}
    assert batch.signals == {"fare": [1.0, 2.0, 3.0]}


@pytest.mark.parametrize(
    "times",
    [
        [NOON],
        [NOON.replace(tzinfo=None)],
        [NOON.astimezone(ZoneInfo("America/New_York"))],
        np.array([NOON.replace(tzinfo=None)], dtype="datetime64[ns]"),
        np.array([NOON.replace(tzinfo=None)], dtype="datetime64[s]"),
        pd.Series([pd.Timestamp(NOON)]),
        pl.Series([NOON]),
        [NOON_MS],
    ],
    ids=["utc", "naive", "new york", "ns", "s", "pandas", "polars", "ms"],
)
def test_times(times: Any) -> None:
    assert batch_of({"prediction_id": ["a"], "timestamp": times}).timestamps_ms == [NOON_MS]
    assert batch_of({"id": ["a"], "at": times}, columns={"prediction_id": "id", "timestamp": "at"}) == PredictionBatch(
        prediction_ids=["a"], model="m", version="v", timestamps_ms=[NOON_MS]
    )


def test_milliseconds_do_not_lose_the_last_one() -> None:
    times = [NOON.replace(microsecond=ms * 1000) for ms in range(999)]
    batch = batch_of({"prediction_id": list(range(999)), "timestamp": times})
    assert batch.timestamps_ms == list(range(NOON_MS, NOON_MS + 999))


@pytest.mark.parametrize(
    ("frame", "layout", "field"),
    [
        ({"temp": [1.0]}, {}, "prediction_id"),
        ({"prediction_id": ["a", None]}, {}, "prediction_id[1]"),
        ({"prediction_id": ["a"], "temp": [object()]}, {}, "temp[0]"),
        ({"prediction_id": ["a", "b"], "temp": [1.0]}, {}, "features.temp"),
        ({"prediction_id": ["a", "b"], "prediction": [1.0]}, {}, "predictions"),
        ({"prediction_id": ["a"], "timestamp": ["noon"]}, {}, "timestamp[0]"),
        ({"prediction_id": ["a"], "timestamp": [pd.NaT]}, {}, "timestamp[0]"),
        ({"prediction_id": ["a"]}, {"segments": ["origin"]}, "origin"),
        ({"prediction_id": ["a"]}, {"features": ["temp"]}, "temp"),
        ({"prediction_id": ["a"]}, {"columns": {"prediction": "score"}}, "score"),
        (3, {}, "frame"),
    ],
)
def test_bad_frames_name_column_and_row(frame: Any, layout: dict[str, Any], field: str) -> None:
    with pytest.raises(EventError) as caught:
        batch_of(frame, **layout)
    assert caught.value.field == field


@given(rows=st.integers(1, 60), partitions=st.integers(1, 7))
def test_each_row_once_in_its_partition_in_order(rows: int, partitions: int) -> None:
    ids = [f"id-{row}" for row in range(rows)]
    batch = batch_of({"prediction_id": ids, "x": list(range(rows))})
    found: list[str] = []
    for message in frames.messages(batch, partitions):
        part = decode_prediction_message(message.value)
        assert isinstance(part, PredictionBatch)
        assert {partition_for(one.encode(), partitions) for one in part.prediction_ids} == {message.partition}
        assert (message.first_id, message.rows) == (part.prediction_ids[0], len(part.prediction_ids))
        assert [f"id-{value:.0f}" for value in part.features["x"] if isinstance(value, float)] == part.prediction_ids
        assert part.prediction_ids == sorted(part.prediction_ids, key=ids.index)
        found += part.prediction_ids
    assert sorted(found) == sorted(ids)


def test_large_batches_are_split() -> None:
    rows = 3000
    batch = batch_of(
        {
            "prediction_id": [f"{row:0100}" for row in range(rows)],
            "text": [f"{row}" + "x" * 1000 for row in range(rows)],
        }
    )
    messages = frames.messages(batch, 1)
    assert len(messages) >= 4
    assert max(len(message.value) for message in messages) <= frames.MAX_BATCH_BYTES
    assert sum(message.rows for message in messages) == rows


def test_columns_may_be_numbered() -> None:
    frame = pd.DataFrame([["a", 0.1, 1.5], ["b", 0.2, 2.5]])
    by_text = batch_of(frame, columns={"prediction_id": "0", "prediction": "1"})
    assert (by_text.prediction_ids, by_text.features) == (["a", "b"], {"2": [1.5, 2.5]})
    assert batch_of(frame, columns={"prediction_id": 0, "prediction": 1}, features=[2]) == by_text
    batch = batch_of(frame, columns={"prediction_id": 0}, segments=[0], signals=[1], features=[])
    assert (batch.segments, batch.signals) == ({"0": ["a", "b"]}, {"1": [0.1, 0.2]})


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([["a", 1.5, 2.5]], columns=["prediction_id", "temp", "temp"]),
        pa.table([["a"], [1.5], [2.5]], names=["prediction_id", "temp", "temp"]),
        pd.DataFrame([["a", 1.5, 2.5]], columns=["prediction_id", "1", 1]),
    ],
    ids=["pandas", "arrow", "number and text"],
)
def test_two_columns_of_one_name_are_refused_where_they_are_read(frame: Any) -> None:
    name = str(frame.columns[-1] if isinstance(frame, pd.DataFrame) else "temp")
    with pytest.raises(EventError, match=f"{name}: two columns have this name"):
        batch_of(frame)
    assert batch_of(frame, features=[]).prediction_ids == ["a"]


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT])
def test_what_is_missing_in_any_column_is_missing(missing: object) -> None:
    frame = {
        "prediction_id": ["a", "b"],
        "origin": ["JFK", missing],
        "error": [missing, ""],
        "probabilities": [missing] * 2,
    }
    batch = batch_of(frame, segments=["origin"])
    assert (batch.segments, batch.errors) == ({"origin": ["JFK", None]}, [None, None])
    assert batch.probabilities == [None, None]


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        ({"at": [NOON]}, {"timestamps": "at"}, "columns: 'timestamps' is no role; did you mean 'timestamp'?"),
        ({"x": [1.0]}, {1: "x"}, "columns: 1 is no role; there are prediction_id, timestamp"),
        ({"x": [1.0]}, {"rolle": "x"}, "columns: 'rolle' is no role; there are prediction_id, timestamp"),
        ({f"f{number}": [1.0] for number in range(600)}, {}, "features: must be 512 at most, not 600"),
        ({"timestamp": [datetime(1970, 1, 1, tzinfo=UTC)]}, {}, "timestamp[0]: 0 is no time in milliseconds"),
    ],
)
def test_what_every_worker_would_refuse_is_refused(frame: Any, columns: dict[Any, str], message: str) -> None:
    with pytest.raises(EventError) as refused:
        batch_of({"prediction_id": ["a"], **frame}, columns=columns)
    assert str(refused.value).startswith(message)
