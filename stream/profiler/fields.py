"""Decoded rows as columns: from here on nothing is done row by row that can be done by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegauge.events import Label, LabelValue, Prediction

Int64 = NDArray[np.int64]
T = TypeVar("T")


class Fields(Protocol):
    """n rows, column by column."""

    @property
    def ids(self) -> Sequence[str]:
        """Prediction ids."""

    @property
    def models(self) -> Sequence[str]:
        """Models, "" where a label names none."""

    @property
    def timestamps_ms(self) -> Int64:
        """Event times as stated."""

    def take(self, rows: Int64) -> Self:
        """Return only some rows."""


@dataclass(frozen=True, slots=True)
class PredictionFields:
    """Predictions.

    Attributes
    ----------
    features
        Name -> value of each row; where `typed` is not empty, structs with those fields instead, none of them a list.
    """

    ids: Sequence[str]
    models: Sequence[str]
    versions: Sequence[str]
    timestamps_ms: Int64
    features: Sequence[Any]
    predictions: Sequence[Any]
    probabilities: Sequence[Any]
    latencies_ms: Sequence[float | None]
    statuses: Sequence[str]
    errors: Sequence[str | None]
    segments: Sequence[dict[str, str]]
    typed: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[Prediction], typed: tuple[str, ...] = ()) -> Self:
        """Lay rows of one type out; about .3 us a row."""
        if not rows:
            return cls((), (), (), np.zeros(0, dtype=np.int64), (), (), (), (), (), (), (), typed)
        columns = _by_field(rows)
        return cls(
            columns["prediction_id"],
            columns["model"],
            columns["version"],
            _times(columns["timestamp_ms"]),
            columns["features"],
            columns["prediction"],
            columns["probabilities"],
            columns["latency_ms"],
            columns["status"],
            columns["error"],
            columns["segments"],
            typed,
        )

    def take(self, rows: Int64) -> Self:
        """Return only some rows."""
        some = rows.tolist()
        return type(self)(
            take(self.ids, some),
            take(self.models, some),
            take(self.versions, some),
            self.timestamps_ms[rows],
            take(self.features, some),
            take(self.predictions, some),
            take(self.probabilities, some),
            take(self.latencies_ms, some),
            take(self.statuses, some),
            take(self.errors, some),
            take(self.segments, some),
            self.typed,
        )


@dataclass(frozen=True, slots=True)
class LabelFields:
    """Labels."""

    ids: Sequence[str]
    models: Sequence[str]
    timestamps_ms: Int64
    labels: Sequence[LabelValue]

    @classmethod
    def of(cls, rows: Sequence[Label]) -> Self:
        """Lay rows of one type out."""
        if not rows:
            return cls((), (), np.zeros(0, dtype=np.int64), ())
        columns = _by_field(rows)
        timestamps_ms = _times(columns["timestamp_ms"])
        return cls(columns["prediction_id"], columns["model"], timestamps_ms, columns["label"])

    def take(self, rows: Int64) -> Self:
        """Return only some rows."""
        some = rows.tolist()
        return type(self)(
            take(self.ids, some), take(self.models, some), self.timestamps_ms[rows], take(self.labels, some)
        )


def _by_field(rows: Sequence[msgspec.Struct]) -> dict[str, tuple[Any, ...]]:
    values = zip(*map(msgspec.structs.astuple, rows), strict=True)
    return dict(zip(type(rows[0]).__struct_fields__, values, strict=True))


def _times(stated: Sequence[int]) -> Int64:
    """Event times; one beyond 64 bits becomes -1, as wrong as it is."""
    try:
        return np.array(stated, dtype=np.int64)
    except OverflowError:
        return np.array([at if abs(at) < 1 << 63 else -1 for at in stated], dtype=np.int64)


def take(values: Sequence[T], rows: list[int]) -> Sequence[T]:
    """Return the values at some indices."""
    if len(rows) < 2:  # `itemgetter` of one index gives no tuple
        return [values[row] for row in rows]
    taken: tuple[T, ...] = itemgetter(*rows)(values)
    return taken
