"""A reference file's rows, by what each column means."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stream.errors import ConfigurationError
from stream.parts.assemble import Values

Int64Array = NDArray[np.int64]

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time in `label_timestamps_ms`."""


class ReferenceFileError(ConfigurationError):
    """A reference file that cannot be used: the message names the file, the column and what was expected."""


@dataclass(frozen=True, kw_only=True)
class ReferenceTable:
    """n predictions, in order of time.

    Parameters
    ----------
    source
        The file's name, for messages.
    timestamps_ms
        int64[n], never falling.
    ids
        Prediction ids; made from the row's number when the file has none.
    predictions
        As `Prediction.prediction`: numbers, classes or None.
    labels
        None when the file has no labels; a None entry is an outcome that never came.
    label_timestamps_ms
        int64[n], `NO_TIME` where there is none; None when the file does not say when labels came.
    latency_ms
        None when the file has none.
    segments
        Values of the definition's segmenting attributes.
    features
        float64 arrays for numbers, lists for text and booleans.
    notes
        What was left out and why, for people.
    """

    source: str
    timestamps_ms: Int64Array
    ids: list[str]
    predictions: list[object]
    labels: list[object] | None = None
    label_timestamps_ms: Int64Array | None = None
    latency_ms: NDArray[np.float64] | None = None
    segments: Mapping[str, list[str | None]] = field(default_factory=dict)
    features: Mapping[str, Values] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def take(self, rows: Int64Array) -> Self:
        """Return the table of some rows, given by index, rising."""
        indices = rows.tolist()
        return replace(
            self,
            timestamps_ms=self.timestamps_ms[rows],
            ids=[self.ids[row] for row in indices],
            predictions=[self.predictions[row] for row in indices],
            labels=None if self.labels is None else [self.labels[row] for row in indices],
            label_timestamps_ms=None if self.label_timestamps_ms is None else self.label_timestamps_ms[rows],
            latency_ms=None if self.latency_ms is None else self.latency_ms[rows],
            segments={name: [values[row] for row in indices] for name, values in self.segments.items()},
            features={name: _picked(values, rows) for name, values in self.features.items()},
        )


def _picked(values: Values, rows: Int64Array) -> Values:
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]
