import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.model.compiled import SCORE
from stream.reference.build import build_reference
from stream.reference.read import read_reference
from stream.reference.table import NO_TIME, ReferenceFileError, ReferenceTable
from tidegauge.definition import Definition, ReferenceSpec

PLANNER = Definition(model="planner", task="binary", positive="late", segments=["origin"])
NOON = dt.datetime(2013, 2, 1, 12, tzinfo=dt.UTC)
NOON_MS = int(NOON.timestamp() * 1000)
CSV = """timestamp,prediction_id,prediction,label,label_timestamp,latency_ms,origin,flight,temp,rain,carrier
2013-02-01T12:00:02,b,0.75,late,2013-02-01T15:00:00,2.5,JFK,007,39.5,true,"NA"
2013-02-01T12:00:01,a,0.25,,,,EWR,012,NA,false,UA
"""


def write(folder: Path, text: str, name: str = "february.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_csv_in_order_of_time_with_types_and_missing_values(tmp_path: Path) -> None:
    definition = msgspec.structs.replace(
        PLANNER, features={"flight": "categorical", "temp": "numeric", "rain": "categorical", "carrier": "categorical"}
    )
    table = read_reference(write(tmp_path, CSV), definition)
    assert table.ids == ["a", "b"]
    assert table.timestamps_ms.tolist() == [NOON_MS + 1_000, NOON_MS + 2_000]
    assert table.predictions == [0.25, 0.75]
    assert table.labels == [None, "late"]
    assert table.label_timestamps_ms.tolist() == [NO_TIME, NOON_MS + 3 * 3_600_000]
    np.testing.assert_array_equal(table.latency_ms, [np.nan, 2.5])
    assert table.segments == {"origin": ["EWR", "JFK"]}
    np.testing.assert_array_equal(table.features["temp"], [np.nan, 39.5])
    assert table.features["flight"] == ["012", "007"], "declared text stays text"
    assert table.features["rain"] == ["false", "true"]
    assert table.features["carrier"] == ["UA", "NA"], "a quoted NA is a value"


def test_without_declared_features_every_other_column_is_one(tmp_path: Path) -> None:
    table = read_reference(write(tmp_path, CSV), PLANNER)
    assert sorted(table.features) == ["carrier", "flight", "rain", "temp"]
    assert table.features["rain"] == [False, True]
    assert isinstance(table.features["flight"], np.ndarray)


def test_parquet_and_csv_say_the_same(tmp_path: Path) -> None:
    from_csv = read_reference(write(tmp_path, CSV), PLANNER)
    columns = {
        "timestamp": pa.array(
            [NOON + dt.timedelta(seconds=2), NOON + dt.timedelta(seconds=1)], pa.timestamp("ns", "UTC")
        ),
        "prediction_id": ["b", "a"],
        "prediction": [0.75, 0.25],
        "label": ["late", None],
        "label_timestamp": pa.array([NOON + dt.timedelta(hours=3), None], pa.timestamp("us", "UTC")),
        "latency_ms": [2.5, None],
        "origin": pa.array(["JFK", "EWR"]).dictionary_encode(),
        "flight": pa.array([7, 12], pa.int16()),
        "temp": pa.array([39.5, None], pa.float32()),
        "rain": [True, False],
        "carrier": ["NA", "UA"],
    }
    path = tmp_path / "february.parquet"
    pq.write_table(pa.table(columns), path)
    table = read_reference(path, PLANNER)
    for name in ("ids", "predictions", "labels", "segments"):
        assert getattr(table, name) == getattr(from_csv, name)
    for name in ("timestamps_ms", "label_timestamps_ms", "latency_ms"):
        np.testing.assert_array_equal(getattr(table, name), getattr(from_csv, name))
    assert sorted(table.features) == sorted(from_csv.features)
    for name, values in table.features.items():
        np.testing.assert_array_equal(values, from_csv.features[name])


@pytest.mark.parametrize(
    "column",
    [
        ["2013-02-01T12:00:00Z"],
        ["2013-02-01 07:00:00-05:00"],
        [NOON_MS],
        [float(NOON_MS)],
        ["2013-02-01T12:00:00.000999+00:00"],
        ["2013-02-01T12:00:00.000999999"],
        pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us")),
        pa.array([NOON], pa.timestamp("s", "America/New_York")),
    ],
)
def test_times_in_the_forms_people_store(tmp_path: Path, column: object) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"timestamp": column, "prediction": [0.5]}), path)
    assert read_reference(path, Definition(model="m")).timestamps_ms.tolist() == [NOON_MS]


def test_rows_without_id_are_numbered_and_compressed_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"timestamp,prediction\n2013-02-01,0.5\n2013-02-02,0.5\n"))
    table = read_reference(path, Definition(model="m"))
    assert table.ids == ["row-0", "row-1"]
    assert table.labels is None
    assert table.label_timestamps_ms is None


def parquet(folder: Path, **columns: object) -> Path:
    path = folder / "file.parquet"
    pq.write_table(pa.table({"timestamp": [NOON_MS, NOON_MS + 1], "prediction": [0.5, 0.25], **columns}), path)
    return path


def test_rows_without_an_id_among_others_are_numbered(tmp_path: Path) -> None:
    assert read_reference(parquet(tmp_path, prediction_id=["a", None]), Definition(model="m")).ids == ["a", "row-1"]
    assert read_reference(parquet(tmp_path, prediction_id=[7.0, np.nan]), Definition(model="m")).ids == ["7", "row-1"]


def test_decimals_are_numbers_as_predictions_and_labels(tmp_path: Path) -> None:
    decimals = {name: pa.array(["1.0", None]).cast(pa.decimal128(10, 1)) for name in ("prediction", "label", "x")}
    table = read_reference(parquet(tmp_path, **decimals), Definition(model="m"))
    assert (table.predictions, table.labels) == ([1.0, None], [1.0, None])
    assert not isinstance(table.predictions[0], Decimal)
    np.testing.assert_array_equal(table.features["x"], [1.0, np.nan])


def test_text_as_views_is_text(tmp_path: Path) -> None:
    views = {name: pa.array(["a", None], pa.string_view()) for name in ("x", "origin", "label")}
    table = read_reference(parquet(tmp_path, **views), Definition(model="m", segments=["origin"]))
    assert table.features["x"] == table.segments["origin"] == table.labels == ["a", None]


def test_a_label_time_that_is_nan_is_missing(tmp_path: Path) -> None:
    table = read_reference(parquet(tmp_path, label_timestamp=[np.nan, float(NOON_MS)]), Definition(model="m"))
    assert table.label_timestamps_ms.tolist() == [NO_TIME, NOON_MS]


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_a_declared_feature_without_any_value_is_missing_and_named(tmp_path: Path, kind: str) -> None:
    definition = Definition(model="m", features={"x": kind})
    table = read_reference(parquet(tmp_path, x=pa.nulls(2)), definition)
    assert list(table.features["x"]) == [None, None]
    assert table.notes == ("column x is empty: the feature is missing in all rows",)
    assert set(build_reference(definition, table, held_out=True).grids) == {"x", SCORE}


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        ([NOON.date(), None], "categorical", "'x', a declared feature, is date32"),
        ([NOON, None], "numeric", "'x', a declared feature, is timestamp"),
        (["1.5", None], "numeric", "'x' holds text such as '1.5', but the feature is numeric"),
        (pa.array(["1.5", None]).dictionary_encode(), "numeric", "'x' holds text such as '1.5'"),
    ],
)
def test_a_declared_feature_of_another_kind_is_refused(tmp_path: Path, column: object, kind: str, message: str) -> None:
    with pytest.raises(ReferenceFileError, match=message):
        read_reference(parquet(tmp_path, x=column), Definition(model="m", features={"x": kind}))


def test_columns_are_renamed_ours_first(tmp_path: Path) -> None:
    text = "scheduled,p,temperature\n2013-02-01,0.5,3.5\n"
    columns = {"timestamp": "scheduled", "prediction": "p", "temp": "temperature"}
    definition = Definition(model="m", features={"temp": "numeric"}, reference=ReferenceSpec(file="x", columns=columns))
    assert read_reference(write(tmp_path, text), definition).features["temp"].tolist() == [3.5]


def test_columns_that_are_neither_number_nor_text_are_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"timestamp": [NOON_MS], "prediction": [0.5], "embedding": [[1.0, 2.0]]}), path)
    table = read_reference(path, Definition(model="m"))
    assert table.features == {}
    assert "embedding" in table.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timestamp,score\n2013-02-01,0.5\n", "lacks columns: 'prediction'"),
        ("timestamps,prediction\n2013-02-01,0.5\n", "'timestamp', did you mean `timestamps`"),
        ("timestamp,prediction\n", "no rows"),
        ("timestamp,prediction\n,0.5\n2013-02-01,0.5\n", "1 rows have no timestamp"),
        ("timestamp,prediction\nyesterday,0.5\n", "'timestamp' is no time"),
        ("timestamp,prediction\n1359720000,0.5\n", "found seconds"),
        ("timestamp,prediction\n1359720000000000,0.5\n", "found microseconds or nanoseconds"),
        ("timestamp,prediction\n1359720000000000000,0.5\n", "found microseconds or nanoseconds"),
        ("timestamp,prediction\n1900-01-01,0.5\n", "holds times such as 1900-01-01T00:00:00.000"),
        ("timestamp,prediction,latency_ms\n2013-02-01,0.5,fast\n", "'latency_ms' is no number"),
        ("timestamp,prediction\ntrue,0.5\n", "type bool is no time"),
        ("timestamp,prediction\n2013-02-01,0.5,7,8\n", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReferenceFileError, match=r"february\.csv") as caught:
        read_reference(write(tmp_path, text), Definition(model="m"))
    assert message in str(caught.value)


def test_files_that_are_not_there_or_of_no_known_kind(tmp_path: Path) -> None:
    with pytest.raises(ReferenceFileError, match="no such file"):
        read_reference(tmp_path / "x.parquet", PLANNER)
    with pytest.raises(ReferenceFileError, match=r"\.parquet, \.pq, \.csv"):
        read_reference(write(tmp_path, "", "x.xlsx"), PLANNER)
    with pytest.raises(ReferenceFileError, match="cannot be read"):
        read_reference(write(tmp_path, "no parquet", "x.parquet"), PLANNER)


def test_a_rename_of_a_column_that_is_not_there(tmp_path: Path) -> None:
    spec = ReferenceSpec(file="x", columns={"timestamp": "schedule"})
    with pytest.raises(ReferenceFileError, match="did you mean `scheduled`"):
        read_reference(write(tmp_path, "scheduled,prediction\n1,2\n"), Definition(model="m", reference=spec))


def test_a_rename_to_the_name_of_another_column_says_the_way_out(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,scheduled,prediction\n2013-01-31,2013-02-01,0.5\n")

    def read(**columns: str) -> ReferenceTable:
        return read_reference(path, Definition(model="m", reference=ReferenceSpec(file="x", columns=columns)))

    with pytest.raises(ReferenceFileError, match=r"takes 'scheduled' for timestamp, .* as well, `NEW_NAME: timestamp`"):
        read(timestamp="scheduled")
    assert read(timestamp="scheduled", created="timestamp").timestamps_ms.tolist() == [NOON_MS - 12 * 3_600_000]
