"""Rows that came by column and stay so: what is in a batch message of one model and version, or in several alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stream.parts.assemble import Column, Values
from stream.parts.columns import Coded
from stream.profiler.fields import Int64, take


@dataclass(frozen=True, slots=True)
class ColumnFields:
    """n predictions of one model and version; none of them has a problem.

    Attributes
    ----------
    features, predictions, latencies_ms
        float64 (NaN is missing), coded text, or what is neither as it came.
    probabilities
        As they came; empty when there are none.
    failed
        bool[n]: the request failed.
    """

    model: str
    version: str
    ids: Sequence[str]
    timestamps_ms: Int64
    features: Mapping[str, Column]
    predictions: Column
    probabilities: Sequence[Any]
    latencies_ms: Values
    failed: NDArray[np.bool_]
    segments: Mapping[str, Coded]

    @property
    def models(self) -> Sequence[str]:
        """The model, row by row."""
        return [self.model] * len(self.ids)

    def take(self, rows: Int64) -> Self:
        """Return only some rows."""
        some = rows.tolist()

        def taken(column: Any) -> Any:
            if isinstance(column, Coded):
                return column.take(rows)
            return column[rows] if isinstance(column, np.ndarray) else take(column, some)

        return replace(
            self,
            ids=taken(self.ids),
            timestamps_ms=taken(self.timestamps_ms),
            features={name: taken(column) for name, column in self.features.items()},
            predictions=taken(self.predictions),
            probabilities=taken(self.probabilities) if self.probabilities else (),
            latencies_ms=taken(self.latencies_ms),
            failed=taken(self.failed),
            segments={name: taken(column) for name, column in self.segments.items()},
        )

    def alike(self, other: "ColumnFields") -> bool:
        """Whether rows of the other can follow these in one set of columns."""
        return (
            (self.model, self.version, bool(self.probabilities))
            == (other.model, other.version, bool(other.probabilities))
            and self.features.keys() == other.features.keys()
            and self.segments.keys() == other.segments.keys()
        )


def joined(parts: Sequence[ColumnFields]) -> ColumnFields:
    """Put rows that are alike together, in order. O(rows x columns)."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]

    def mapping(name: str) -> dict[str, Any]:
        return {key: _joined([getattr(part, name)[key] for part in parts]) for key in getattr(first, name)}

    names = ("ids", "timestamps_ms", "predictions", "probabilities", "latencies_ms", "failed")
    columns = {name: _joined([getattr(part, name) for part in parts]) for name in names}
    return replace(first, features=mapping("features"), segments=mapping("segments"), **columns)


def listed(column: Column) -> Sequence[Any]:
    """Return a column's values one by one, None where nothing is."""
    if isinstance(column, Coded):
        return column.texts()
    if isinstance(column, np.ndarray):
        return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
    return column


def missing_count(column: Column) -> int:
    """Count the rows that have no value."""
    if isinstance(column, Coded):
        return int(np.count_nonzero(column.codes < 0))
    if isinstance(column, np.ndarray):
        return int(np.count_nonzero(np.isnan(column)))
    return list(column).count(None)


def _joined(columns: Sequence[Any]) -> Any:
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns)
    if all(isinstance(column, Coded) for column in columns):
        return Coded.joined(columns)
    return [value for column in columns for value in listed(column)]
