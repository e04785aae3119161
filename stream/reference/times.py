"""Times in reference files, in the forms people store them, as milliseconds since the epoch."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.reference.table import NO_TIME, Int64Array, ReferenceFileError

# The year 1973 in milliseconds, 5138 in seconds: numbers below it, of today's data, are seconds.
_SMALLEST_PLAUSIBLE_MS = 100_000_000_000


def times_ms(column: pa.ChunkedArray, name: str, source: str) -> Int64Array:
    """Return a column of times as int64 milliseconds since the epoch in UTC, `NO_TIME` where there is none.

    Dates and times (without a zone: UTC), ISO 8601 text, or numbers of milliseconds.

    Raises
    ------
    ReferenceFileError
        For a column of another kind, text that is no time, or numbers that are seconds.
    """
    kind = column.type
    try:
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            milliseconds = pc.cast(pc.round(column), pa.int64())
            _refuse_seconds(milliseconds, name, source)
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


def _from_timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    zone = getattr(column.type, "tz", None)
    return pc.cast(pc.cast(column, pa.timestamp("ms", tz=zone), safe=False), pa.int64())


def _from_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        parsed = pc.cast(column, pa.timestamp("ms"))
    except pa.ArrowInvalid:
        parsed = pc.cast(column, pa.timestamp("ms", tz="UTC"))
    return pc.cast(parsed, pa.int64())


def _refuse_seconds(milliseconds: pa.ChunkedArray, name: str, source: str) -> None:
    newest = pc.max(milliseconds).as_py()
    if newest is not None and 0 < newest < _SMALLEST_PLAUSIBLE_MS:
        raise ReferenceFileError(
            f"{source}: column {name!r} holds numbers up to {newest}: expected milliseconds since 1970, found seconds"
        )
