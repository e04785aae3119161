"""Frames (pandas, polars, Arrow, NumPy structured, mappings of columns) -> batches, one partition each."""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final, Self

import msgspec

from tidegauge.codec import encode
from tidegauge.columns import packed
from tidegauge.errors import EventError
from tidegauge.events import MAX_FEATURES, PredictionBatch
from tidegauge.partitioner import partition_for
from tidegauge.recorder import values

ROLES = ("prediction_id", "timestamp", "prediction", "probabilities", "latency_ms", "error")
NOT_FEATURES = (*ROLES, "timestamp_ms", "label", "label_timestamp", "label_timestamp_ms")
MAX_BATCH_BYTES: Final = 900_000  # Kafka's default limit is 1 MiB a message, headers included
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = frozenset({float, int, str, bool, type(None)})
_TWICE: Final = object()

ColumnName = str | int
"""A frame without a header has its columns numbered."""


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """One encoded batch, the id that serves as its key, and how many rows it holds."""

    partition: int
    first_id: str
    value: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """Which column is what.

    `columns` renames roles ({"prediction_id": "flight"}); roles are `prediction_id`, `timestamp` (date-times; or
    `timestamp_ms`, whole milliseconds), `prediction`, `probabilities`, `latency_ms`, `error`. Columns that have no
    role, name no segment and no signal are the features, unless `features` names them. Labels never are.
    """

    columns: Mapping[str, str]
    features: Sequence[str] | None
    segments: Sequence[str]
    signals: Sequence[str]

    @classmethod
    def of(
        cls,
        columns: Mapping[str, ColumnName],
        features: Sequence[ColumnName] | None,
        segments: Sequence[ColumnName],
        signals: Sequence[ColumnName],
    ) -> Self:
        """Name all columns by text, numbered ones, too."""
        return cls(
            {role: str(name) for role, name in columns.items()},
            None if features is None else [str(name) for name in features],
            [str(name) for name in segments],
            [str(name) for name in signals],
        )


def batch_of(frame: Any, layout: FrameLayout, *, model: str, version: str, now_ms: int) -> PredictionBatch:
    """All rows of a frame as one batch; rows without a time get `now_ms`.

    Raises
    ------
    EventError
        When a column is missing or too short or a value is not valid; `field` names column and row.
    """
    names = _names(frame)
    _check_roles(layout.columns)
    roles = {role: layout.columns.get(role, role) for role in (*ROLES, "timestamp_ms")}
    _known(names, [*layout.columns.values(), *layout.segments, *layout.signals, *(layout.features or ())])
    used = {*NOT_FEATURES, *layout.columns.values(), *layout.segments, *layout.signals}
    features = [name for name in names if name not in used] if layout.features is None else layout.features
    if len(features) > MAX_FEATURES:
        raise EventError("features", f"must be {MAX_FEATURES} at most, not {len(features)}")

    def converted(name: str, convert: Any) -> list[Any]:
        if names[name] is _TWICE:
            raise EventError(name, "two columns have this name")
        return _converted(frame[names[name]], name, convert)

    def column(role: str, convert: Any) -> list[Any]:
        return converted(roles[role], convert) if roles[role] in names else []

    if roles["prediction_id"] not in names:
        raise EventError("prediction_id", f"the frame has no column {roles['prediction_id']!r}")
    ids = converted(roles["prediction_id"], values.text_id)
    batch = PredictionBatch(
        prediction_ids=ids,
        model=model,
        version=version,
        timestamps_ms=column("timestamp_ms", values.timestamp)
        or column("timestamp", _milliseconds)
        or [now_ms] * len(ids),
        features={name: converted(name, values.feature) for name in features},
        predictions=column("prediction", values.prediction_value),
        probabilities=column("probabilities", values.probabilities),
        latencies_ms=column("latency_ms", values.optional_number),
        errors=column("error", _error),
        segments={name: converted(name, values.segment) for name in layout.segments},
        signals={name: converted(name, values.optional_number) for name in layout.signals},
    )
    _same_length(batch)
    return batch


def messages(batch: PredictionBatch, partitions: int, *, pack: bool = True) -> list[BatchMessage]:
    """Encode a batch as one message per partition, or more where one would exceed `MAX_BATCH_BYTES`.

    Parameters
    ----------
    pack
        Write columns packed where they come back unchanged; else as lists.

    Raises
    ------
    EventError
        When a value cannot be written as JSON.
    """
    write = (lambda part: encode(packed(part))) if pack else encode
    parts = by_partition(batch, partitions)
    return [message for partition, part in parts for message in _sized(partition, part, write)]


def by_partition(batch: PredictionBatch, partitions: int) -> Iterator[tuple[int, PredictionBatch]]:
    """Split the batch's rows by partition, each part in the order of the rows."""
    rows: dict[int, list[int]] = {}
    for row, prediction_id in enumerate(batch.prediction_ids):
        rows.setdefault(partition_for(prediction_id.encode(), partitions), []).append(row)
    for partition in sorted(rows):
        yield partition, take(batch, rows[partition])


def take(batch: PredictionBatch, rows: Sequence[int]) -> PredictionBatch:
    """Pick some rows of a batch; `rows` is not empty."""

    def picked(column: Any) -> Any:
        if isinstance(column, dict):
            return {name: picked(entries) for name, entries in column.items()}
        if not isinstance(column, list) or not column:
            return column
        return list(itemgetter(*rows)(column)) if len(rows) > 1 else [column[rows[0]]]

    return PredictionBatch(**{name: picked(column) for name, column in msgspec.structs.asdict(batch).items()})


def _sized(partition: int, batch: PredictionBatch, write: Callable[[PredictionBatch], bytes]) -> Iterator[BatchMessage]:
    value = write(batch)
    rows = len(batch.prediction_ids)
    if len(value) <= MAX_BATCH_BYTES or rows == 1:
        yield BatchMessage(partition, batch.prediction_ids[0], value, rows)
        return
    for half in (range(rows // 2), range(rows // 2, rows)):
        yield from _sized(partition, take(batch, half), write)


def _names(frame: Any) -> dict[str, Any]:
    """Column names as text -> as the frame has them, whichever library it comes from; `_TWICE` for two of one name."""
    recorded = getattr(getattr(frame, "dtype", None), "names", None)
    found = recorded or getattr(frame, "column_names", None) or getattr(frame, "columns", None)
    if found is None and isinstance(frame, Mapping):
        found = frame.keys()
    if found is None:
        raise EventError("frame", f"{type(frame).__name__} has no named columns")
    names: dict[str, Any] = {}
    for name in found:
        names[str(name)] = _TWICE if str(name) in names else name
    return names


def _check_roles(columns: Mapping[str, str]) -> None:
    for role in columns:
        if role not in NOT_FEATURES:
            near = difflib.get_close_matches(str(role), NOT_FEATURES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NOT_FEATURES)}"
            raise EventError("columns", f"{role!r} is no role; {hint}")


def _known(names: Collection[str], wanted: Iterable[str]) -> None:
    for name in wanted:
        if name not in names:
            raise EventError(name, f"the frame has no such column; it has {', '.join(sorted(names))[:200]}")


def _converted(given: Any, name: str, convert: Any) -> list[Any]:
    column = _listed(given)
    if convert is values.feature and {type(value) for value in column} <= _PLAIN:
        return column
    return [convert(value, f"{name}[{row}]") for row, value in enumerate(column)]


def _listed(column: Any) -> list[Any]:
    """List a column, in plain Python where the library can say it."""
    if getattr(getattr(column, "dtype", None), "kind", "") == "M" and not hasattr(column, "to_list"):
        column = column.astype("datetime64[ms]")  # NumPy: nanoseconds would come out as bare integers
    for method in ("to_list", "to_pylist", "tolist"):  # polars and pandas, Arrow, NumPy
        if callable(listed := getattr(column, method, None)):
            return list(listed())
    return list(column)


def _milliseconds(value: Any, field: str) -> int:
    """Convert a date-time to milliseconds; one without a zone is UTC. Whole numbers are milliseconds already."""
    if not isinstance(value, datetime):
        return values.timestamp(value, field)
    if value != value:  # noqa: PLR0124 pandas' NaT is a datetime that differs from itself
        raise EventError(field, "is missing")
    since_ms = ((value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
    return values.timestamp(since_ms, field)


def _error(value: Any, field: str) -> str | None:
    """Take a column's error; one of no text is none."""
    return values.optional_text(value, field) or None


def _same_length(batch: PredictionBatch) -> None:
    size = len(batch.prediction_ids)
    for field, column in msgspec.structs.asdict(batch).items():
        columns = column if isinstance(column, dict) else {None: column}
        for name, entries in columns.items():
            if isinstance(entries, list) and entries and len(entries) != size:
                where = field if name is None else f"{field}.{name}"
                raise EventError(where, f"has {len(entries)} rows where prediction_id has {size}")
