"""Reading a reference file: Parquet or CSV, by the column names of events."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from stream.model.problems import nearest
from stream.parts.assemble import Values
from stream.parts.encoding import category_text
from stream.reference.csv_text import as_live, segments_as_live, text_columns
from stream.reference.table import NO_TIME, ReferenceFileError, ReferenceTable
from stream.reference.times import require_plausible, times_ms
from tidegauge.definition import Definition

ROLES = ("timestamp", "prediction_id", "prediction", "label", "label_timestamp", "latency_ms")
"""Columns with a meaning of their own; segments follow, every other column is a feature."""

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz", ".csv.bz2", ".csv.zst")


def read_reference(path: Path | str, definition: Definition) -> ReferenceTable:
    """Read the rows of a reference file, in order of time.

    Parameters
    ----------
    path
        A .parquet or .csv file (which may be compressed). It is read whole: about 10 times a CSV row's bytes.
    definition
        Says which columns are segments, which features are text though they look like numbers, and in
        `reference.columns` under which names the file has them (our name first: `timestamp: scheduled_at`).

    Raises
    ------
    ReferenceFileError
        If the file cannot be read, is empty, or lacks a column.
    """
    path = Path(path)
    table = _renamed(_read(path, definition), definition, path.name)
    _require(table, definition, path.name)
    if table.num_rows == 0:
        raise ReferenceFileError(f"{path.name} has no rows")
    times = times_ms(table["timestamp"], "timestamp", path.name)
    if (times == NO_TIME).any():
        raise ReferenceFileError(f"{path.name}: {int((times == NO_TIME).sum())} rows have no timestamp")
    require_plausible(times, "timestamp", path.name)
    order = np.argsort(times, kind="stable")
    table = table.take(pa.array(order))
    segments = {name: _texts(table[name]) for name in definition.segments}
    spelling: tuple[str, ...] = ()
    if path.name.endswith(_CSV):
        segments, of_segments = segments_as_live(segments)
        table, of_columns = as_live(table, definition)
        spelling = tuple(dict.fromkeys((*of_segments, *of_columns)))
    features, notes = _features(table, definition, path.name)
    return ReferenceTable(
        source=path.name,
        timestamps_ms=times[order],
        ids=_ids(table),
        predictions=_values(table["prediction"]),
        labels=_values(table["label"]) if "label" in table.column_names else None,
        label_timestamps_ms=_label_times(table, path.name),
        latency_ms=_latencies(table, path.name),
        segments=segments,
        features=features,
        notes=(*spelling, *notes),
    )


def _read(path: Path, definition: Definition) -> pa.Table:
    try:
        if path.name.endswith(_PARQUET):
            return _without_views(pq.read_table(path))
        if path.name.endswith(_CSV):
            return pa_csv.read_csv(path, convert_options=_csv_types(definition))
    except FileNotFoundError:
        raise ReferenceFileError(f"{path}: no such file") from None
    except (OSError, pa.ArrowException) as error:
        raise ReferenceFileError(f"{path} cannot be read: {error}") from None
    raise ReferenceFileError(f"{path.name}: expected a file named {', '.join((*_PARQUET, *_CSV))}")


def _without_views(table: pa.Table) -> pa.Table:
    """Turn text that the file says to read as views into text: Arrow cannot sort views."""
    views = {field.name for field in table.schema if pa.types.is_string_view(field.type)}
    kinds = [field.with_type(pa.large_string()) if field.name in views else field for field in table.schema]
    return table.cast(pa.schema(kinds)) if views else table


def _csv_types(definition: Definition) -> pa_csv.ConvertOptions:
    renames = definition.reference.columns
    return pa_csv.ConvertOptions(
        column_types={renames.get(name, name): pa.string() for name in text_columns(definition)},
        # An unquoted NA is R's missing value; "NA" in quotes may be Namibia.
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )


def _renamed(table: pa.Table, definition: Definition, source: str) -> pa.Table:
    renames: Mapping[str, str] = definition.reference.columns
    for ours, theirs in renames.items():
        if theirs not in table.column_names:
            hint = nearest(theirs, table.column_names)
            raise ReferenceFileError(f"{source}: no column {theirs!r}, which `columns` names for {ours}{hint}")
    by_their_name = {theirs: ours for ours, theirs in renames.items()}
    names = [by_their_name.get(name, name) for name in table.column_names]
    repeated = sorted({name for name in names if names.count(name) > 1})
    taken = next((name for name in repeated if name in renames and name in table.column_names), None)
    if taken is not None:
        raise ReferenceFileError(
            f"{source}: `columns` takes {renames[taken]!r} for {taken}, and there is a column {taken!r}, too: "
            f"rename that one as well, `NEW_NAME: {taken}`"
        )
    if repeated:
        raise ReferenceFileError(f"{source}: more than one column is called {', '.join(repeated)}")
    return table.rename_columns(names)


def _require(table: pa.Table, definition: Definition, source: str) -> None:
    required: Iterable[str] = ("timestamp", "prediction", *definition.segments, *definition.features)
    missing = [name for name in required if name not in table.column_names]
    if missing:
        hints = "; ".join(f"{name!r}{nearest(name, table.column_names).replace('; ', ', ')}" for name in missing)
        raise ReferenceFileError(f"{source} lacks columns: {hints} (`columns:` in the definition renames)")


def _features(table: pa.Table, definition: Definition, source: str) -> tuple[dict[str, Values], list[str]]:
    """Return the features' values, and notes on columns that give none."""
    declared = definition.features
    names: Sequence[str] = tuple(declared) or [
        name for name in table.column_names if name not in ROLES and name not in definition.segments
    ]
    features: dict[str, Values] = {}
    notes = []
    for name in names:
        column = table[name]
        kind = _kind(column)
        if _is_number(kind):
            features[name] = _numbers(column)
        elif _is_text(kind) or pa.types.is_boolean(kind):
            features[name] = column.to_pylist()
        elif name in declared and pa.types.is_null(kind):
            features[name] = [None] * table.num_rows
            notes.append(f"column {name} is empty: the feature is missing in all rows")
        elif name in declared:
            raise ReferenceFileError(
                f"{source}: column {name!r}, a declared feature, is {kind}: neither number nor text"
            )
        else:
            notes.append(f"column {name} left out: {kind} is neither number nor text")
        if declared.get(name) == "numeric" and _is_text(kind):
            _refuse_text(column, name, source)
    return features, notes


def _kind(column: pa.ChunkedArray) -> pa.DataType:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _refuse_text(column: pa.ChunkedArray, name: str, source: str) -> None:
    """Text of a numeric feature is missing in the stream: it would be missing in every row of the reference, too."""
    example = next((value for value in column.to_pylist() if value is not None), None)
    if example is not None:
        raise ReferenceFileError(
            f"{source}: column {name!r} holds text such as {example!r}, but the feature is numeric"
        )


def _values(column: pa.ChunkedArray) -> list[object]:
    values: list[object] = column.to_pylist()
    return list(map(_plain, values)) if pa.types.is_decimal(_kind(column)) else values


def _plain(number: object) -> float | None:
    return None if number is None else float(number)  # type: ignore[arg-type]  # a Decimal


def _ids(table: pa.Table) -> list[str]:
    numbered = [f"row-{row}" for row in range(table.num_rows)]
    if "prediction_id" not in table.column_names:
        return numbered
    given = map(category_text, table["prediction_id"].to_pylist())
    return [number if text is None else text for text, number in zip(given, numbered, strict=True)]


def _latencies(table: pa.Table, source: str) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if "latency_ms" not in table.column_names:
        return None
    try:
        return _numbers(table["latency_ms"])
    except pa.ArrowException as error:
        raise ReferenceFileError(f"{source}: column 'latency_ms' is no number: {error}") from None


def _label_times(table: pa.Table, source: str) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    if "label_timestamp" not in table.column_names:
        return None
    return times_ms(table["label_timestamp"], "label_timestamp", source)


def _numbers(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    numbers = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy(), dtype=np.float64)


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    return [category_text(value) for value in column.to_pylist()]
