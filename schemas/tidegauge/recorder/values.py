"""One event's values as services hold them (NumPy, pandas, Decimal, missing) -> as the schema has them, or an error."""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import index
from typing import Any
from uuid import UUID

from tidegauge.errors import EventError
from tidegauge.events import (
    MAX_FEATURES,
    MAX_TIMESTAMP_MS,
    MIN_TIMESTAMP_MS,
    FeatureValue,
    LabelValue,
    PredictionValue,
)

MAX_NAME = 255
_PLAIN = frozenset({float, str, bool, type(None)})
_MISSING = frozenset({"NAType", "NaTType"})  # pandas' markers, by name: pandas is not imported here
_I64 = 2**63


def text_id(value: object, field: str = "prediction_id") -> str:
    """Write an id as text; whole numbers and UUIDs are welcome."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, UUID):
        text = str(value)
    else:
        try:
            text = str(index(value))  # type: ignore[arg-type]  # raises TypeError for what is not a whole number
        except TypeError:
            raise EventError(field, f"must be text, a whole number or a UUID, not {_type(value)}") from None
    if not 0 < len(text) <= MAX_NAME:
        raise EventError(field, f"must have 1 to {MAX_NAME} characters, not {len(text)}")
    if "\x00" in text:
        raise EventError(field, "must not hold a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise EventError(field, "is no valid Unicode text (lone surrogates)") from None
    return text


def timestamp(value: object, field: str = "timestamp_ms") -> int:
    """Whole milliseconds since the epoch, UTC."""
    try:
        ms = index(value)  # type: ignore[arg-type]  # raises TypeError for what is not a whole number
    except TypeError:
        raise EventError(field, f"must be whole milliseconds since 1970 UTC, not {_type(value)}") from None
    if not MIN_TIMESTAMP_MS <= ms <= MAX_TIMESTAMP_MS:
        raise EventError(field, f"{ms} is no time in milliseconds since 1970 UTC: seconds, or microseconds?")
    return ms


def feature_row(row: object, names: Sequence[str] = ()) -> dict[str, FeatureValue]:
    """Read a row of features: a mapping, pandas Series, named tuple, NumPy record, or an array with `names` given.

    A frame or matrix of one row is its row.
    """
    read = {
        name if type(name) is str and name else _name(name, "features"): value
        if type(value) in _PLAIN
        else feature(value, f"features.{name}")
        for name, value in _items(_single(row), names)
    }
    if len(read) > MAX_FEATURES:
        raise EventError("features", f"must be {MAX_FEATURES} at most, not {len(read)}")
    return read


def feature(value: Any, field: str) -> FeatureValue:
    """One feature; what is missing is None."""
    if type(value) in _PLAIN:
        return value  # type: ignore[no-any-return]  # the set holds exactly such types
    if isinstance(value, str | float):  # numpy.float64 is one
        return value
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return feature(value.tolist(), field)
    if isinstance(value, int | Decimal):
        return _number(value, field)
    if isinstance(value, list | tuple):
        return [None if entry is None else _number(entry, f"{field}[{at}]") for at, entry in enumerate(value)]
    if type(value).__name__ in _MISSING:
        return None
    raise EventError(field, f"must be a number, text, a truth value, a vector or None, not {_type(value)}")


def prediction_value(value: Any, field: str = "prediction") -> PredictionValue:
    """Read a prediction: number, class or vector of numbers."""
    plain = feature(value, field)
    if isinstance(plain, list):
        return [_finite(entry, f"{field}[{at}]") for at, entry in enumerate(plain)]
    return plain


def probabilities(value: Any, field: str = "probabilities") -> dict[str, float] | list[float] | None:
    """Probabilities by class name, or as a vector in the order of the declared classes."""
    if _missing(value):
        return None
    if isinstance(value, Mapping):
        return {_name(name, field): _finite(entry, f"{field}.{name}") for name, entry in value.items()}
    plain = feature(value, field)
    if not isinstance(plain, list):
        raise EventError(field, f"must be a mapping or a vector, not {_type(value)}")
    return [_finite(entry, f"{field}[{at}]") for at, entry in enumerate(plain)]


def signals(values: Mapping[str, Any] | None) -> dict[str, float]:
    """Signals by name; those that are None or NaN are left out."""
    if not values:
        return {}
    plain = {_name(name, "signals"): optional_number(value, f"signals.{name}") for name, value in values.items()}
    return {name: value for name, value in plain.items() if value is not None and value - value == 0}


def segments(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Segment values as text; those that are missing are left out."""
    if not values:
        return {}
    plain = {_name(name, "segments"): segment(value, f"segments.{name}") for name, value in values.items()}
    return {name: value for name, value in plain.items() if value is not None}


def segment(value: Any, field: str) -> str | None:
    """One segment value: text, or a whole number or truth value written as text."""
    if type(value) is str:
        return value
    plain = feature(value, field)
    if isinstance(plain, str):
        return plain
    if _missing(plain):
        return None
    if isinstance(plain, int):
        return str(plain).lower()  # true and false as in JSON, and as a reference's are read
    raise EventError(field, f"must be text, a whole number or a truth value, not {_type(value)}")


def label_value(value: Any) -> LabelValue:
    """Read an outcome: finite number, class or truth value; a missing one is no label."""
    plain = feature(value, "label")
    if isinstance(plain, float) and math.isinf(plain):
        raise EventError("label", f"must be finite, not {plain}")
    if plain is None or isinstance(plain, list) or plain != plain:  # noqa: PLR0124 NaN differs from itself
        raise EventError("label", f"must be a number, text or a truth value, not {_shown(value)}")
    if isinstance(plain, str) and len(plain) > MAX_NAME:
        raise EventError("label", f"must have {MAX_NAME} characters at most, not {len(plain)}")
    return plain


def optional_number(value: Any, field: str) -> float | None:
    """Read a number or None; NaN stays NaN and is written as null."""
    plain = feature(value, field)
    return None if plain is None else _number(plain, field)


def optional_text(value: object, field: str) -> str | None:
    """Text or None."""
    if _missing(value):
        return None
    if isinstance(value, str):
        return value
    raise EventError(field, f"must be text, not {_type(value)}")


def version(value: object) -> str:
    """Read a model's version: text, "" for none."""
    return "" if value is None or value == "" else text_id(value, "version")


def _items(row: Any, names: Sequence[str]) -> Iterable[tuple[Any, Any]]:
    if isinstance(row, Mapping):
        return row.items()
    if hasattr(row, "_asdict"):  # named tuples, those of DataFrame.itertuples among them
        return ((name, value) for name, value in row._asdict().items() if name != "Index")
    recorded = getattr(getattr(row, "dtype", None), "names", None)
    if recorded:  # a record of a NumPy structured array
        return zip(recorded, row.tolist(), strict=True)
    if callable(items := getattr(row, "items", None)):  # a pandas Series
        return items()  # type: ignore[no-any-return]  # duck typing: pandas is not imported here
    if row is None:
        return ()
    if names and len(row) == len(names):
        return zip(names, row, strict=True)
    wanted = f"{len(names)} values" if names else "a mapping of names to values (or give the Recorder feature_names)"
    raise EventError("features", f"must be {wanted}, not {_type(row)}")


def _single(row: Any) -> Any:
    """Return the row of a frame, matrix or array of records that has one, as models take it; all else as it is."""
    shape = getattr(row, "shape", None)
    recorded = getattr(getattr(row, "dtype", None), "names", None)
    if not isinstance(shape, tuple) or len(shape) != (1 if recorded else 2):
        return row
    if shape[0] != 1:
        raise EventError("features", f"must be one row, not {shape[0]}: `log_frame` takes frames")
    columns = getattr(row, "columns", None)
    if recorded or columns is None:
        return _first(row)
    if callable(rows := getattr(row, "to_pylist", None)):  # Arrow, whose `columns` are no names
        read = rows()[0]
    else:
        read = {name: next(iter(row[name])) for name in columns}
    if len(read) != shape[1]:
        raise EventError("features", "two columns have the same name")
    return read


def _first(matrix: Any) -> Any:
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix  # SciPy's sparse ones
    first = dense[0]
    return first.tolist()[0] if getattr(first, "ndim", 1) == 2 else first  # a row of numpy.matrix is a matrix


def _missing(value: Any) -> bool:
    return value is None or type(value).__name__ in _MISSING or (isinstance(value, float) and value != value)  # noqa: PLR0124 NaN differs from itself


def _name(name: Any, field: str) -> str:
    if not isinstance(name, str) or not name:
        raise EventError(field, f"names must be text, not {_shown(name)}")
    return name


def _number(value: Any, field: str) -> float:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if isinstance(value, float) or -_I64 <= value < _I64 else _great(value, field)
    if isinstance(value, bool | Decimal):
        return float(value)
    raise EventError(field, f"must be a number, not {_type(value)}")


def _great(value: int, field: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise EventError(field, "must not be beyond 1.8e308") from None


def _finite(value: Any, field: str) -> float:
    number = _number(value, field)
    if number - number != 0:
        raise EventError(field, f"must be finite, not {number}")
    return number


def _type(value: object) -> str:
    return type(value).__name__


def _shown(value: object) -> str:
    return f"{_type(value)} {str(value)[:40]!r}"
