"""Times in reference files, in the forms people store them, as milliseconds since the epoch."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.reference.table import NO_TIME, Int64Array, ReferenceFileError
from tidegauge.events import MAX_TIMESTAMP_MS, MIN_TIMESTAMP_MS

# The year 1973 in milliseconds, 5138 in seconds: numbers below it, of today's data, are seconds.
_SMALLEST_PLAUSIBLE_MS = 100_000_000_000


def times_ms(column: pa.ChunkedArray, name: str, source: str) -> Int64Array:
    """Return a column of times as int64 milliseconds since the epoch in UTC, `NO_TIME` where there is none.

    Dates and times (without a zone: UTC), ISO 8601 text, or numbers of milliseconds.

    Raises
    ------
    ReferenceFileError
        For a column of another kind, text that is no time, or numbers that are not milliseconds.
    """
    kind = column.type
    try:
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            milliseconds = _from_numbers(column)
            _refuse_other_units(milliseconds, name, source)
        elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            milliseconds = _from_timestamps(column)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            milliseconds = _from_text(column)
        elif pa.types.is_null(kind):
            return np.full(len(column), NO_TIME, dtype=np.int64)
        else:
            raise ReferenceFileError(f"{source}: column {name!r} of type {kind} is no time")
    except pa.ArrowInvalid as error:
        raise ReferenceFileError(f"{source}: column {name!r} is no time: {error}") from None
    filled: Int64Array = pc.fill_null(milliseconds, NO_TIME).to_numpy().astype(np.int64)
    return filled


def require_plausible(times: Int64Array, name: str, source: str) -> None:
    """Raise ReferenceFileError for times that no event may have."""
    outside = times[(times < MIN_TIMESTAMP_MS) | (times > MAX_TIMESTAMP_MS)]
    if outside.size:
        raise ReferenceFileError(
            f"{source}: column {name!r} holds times such as {np.datetime64(int(outside[0]), 'ms')}: "
            f"expected {np.datetime64(MIN_TIMESTAMP_MS, 'ms')} to {np.datetime64(MAX_TIMESTAMP_MS, 'ms')}"
        )


def _from_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return pc.cast(pc.round(column), pa.int64())


def _from_timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    zone = getattr(column.type, "tz", None)
    return pc.cast(pc.cast(column, pa.timestamp("ms", tz=zone), safe=False), pa.int64())


def _from_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Python writes microseconds, pandas nanoseconds: Arrow refuses what the unit cannot hold.
    column = pc.replace_substring_regex(column, r"(\.\d{3})\d+", r"\1")
    try:
        parsed = pc.cast(column, pa.timestamp("ms"))
    except pa.ArrowInvalid:
        parsed = pc.cast(column, pa.timestamp("ms", tz="UTC"))
    return pc.cast(parsed, pa.int64())


def _refuse_other_units(milliseconds: pa.ChunkedArray, name: str, source: str) -> None:
    newest = pc.max(milliseconds).as_py()
    if newest is None or newest <= 0 or _SMALLEST_PLAUSIBLE_MS <= newest <= MAX_TIMESTAMP_MS:
        return
    found = "seconds" if newest < _SMALLEST_PLAUSIBLE_MS else "microseconds or nanoseconds"
    raise ReferenceFileError(
        f"{source}: column {name!r} holds numbers up to {newest}: expected milliseconds since 1970, found {found}"
    )
