"""Rows as columns: what a profiler decodes messages into and a reference file is read into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.parts.kinds import Kinds, single
from stream.timeline.panes import Int64Array

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of text as codes: indices into `names`, -1 for none. No name stands twice."""

    names: Sequence[str]
    codes: Int64Array

    @classmethod
    def of(cls, values: Sequence[str | None]) -> Self:
        """Code values in the order of their first appearance; O(n), one look-up each."""
        names = [value for value in dict.fromkeys(values) if value is not None]
        codes: dict[str | None, int] = {None: -1, **{name: code for code, name in enumerate(names)}}
        return cls(names, np.fromiter(map(codes.__getitem__, values), np.int64, len(values)))

    def take(self, rows: Int64Array) -> Self:
        """Return only some rows."""
        return type(self)(self.names, self.codes[rows])

    @classmethod
    def joined(cls, columns: Sequence[Self]) -> Self:
        """Put columns one after the other; `names` that are the same list everywhere are kept."""
        names = columns[0].names
        if all(column.names is names for column in columns):
            return cls(names, np.concatenate([column.codes for column in columns]))
        every = list(dict.fromkeys(chain.from_iterable(column.names for column in columns)))
        code_of = {name: code for code, name in enumerate(every)}
        tables = [np.array([*(code_of[name] for name in column.names), -1], dtype=np.int64) for column in columns]
        codes = [table[column.codes] for table, column in zip(tables, columns, strict=True)]
        return cls(every, np.concatenate(codes))

    def by_appearance(self) -> Self:
        """Return the same values with names in the order of their first appearance, as `of` gives them."""
        count = len(self.codes)
        first = np.full(len(self.names) + 1, count, dtype=np.int64)
        first[self.codes[::-1]] = np.arange(count)[::-1]  # the last one written is the first row
        order = np.argsort(first[:-1], kind="stable")
        order = order[first[order] < count]
        if len(order) == len(self.names) and (order == np.arange(len(order))).all():
            return self
        code_of = np.full(len(self.names) + 1, -1, dtype=np.int64)
        code_of[order] = np.arange(len(order))
        return type(self)([self.names[code] for code in order.tolist()], code_of[self.codes])

    def text(self, row: int) -> str | None:
        """Return the value of one row."""
        code = int(self.codes[row])
        return self.names[code] if code >= 0 else None

    def texts(self) -> list[str | None]:
        """Return the values one by one."""
        names = [*self.names, None]
        return [names[code] for code in self.codes.tolist()]


class Unseen(NamedTuple):
    """Rows whose category lies outside its feature's vocabulary: index of the feature, rows, their categories."""

    feature: int
    rows: Int64Array
    categories: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Columns:
    """n predictions of one version of one compiled model, or of several that have the same shape.

    Parameters
    ----------
    compiled
        The revision all rows are counted under; of several, one of them.
    version
        Version of the model that made them.
    kinds, kind
        For rows of several: the kinds, and int64[n] of which one each row is. Else all are of (compiled, version).
    hashes, ids
        uint64[n]: hash of model and prediction id; the ids themselves.
    timestamps_ms
        int64[n]: event time.
    on_time
        bool[n]: not below the shard's watermark when read.
    score
        float64[n], already rounded to float32: P(positive), predicted value or score; NaN for none.
    predicted
        float64[n]: class code of a multiclass prediction (`len(classes)` for any other class); NaN for none.
    latency_ms
        float64[n]; NaN for none.
    error
        bool[n]: the request failed.
    numeric
        float64[n, d] in the order of `compiled.numeric`; NaN is missing.
    categorical
        For each of `compiled.categorical` int64[n] of vocabulary cells, unseen and missing included.
    unseen
        For each of `compiled.categorical` that has any, the categories outside its vocabulary.
    segments
        For each of `compiled.segments` n values; a row without one belongs to no segment of that attribute.
    loose_numeric, loose_text
        Only while learning: the features as they came, NaN or None where a row has no number or no text.
    """

    compiled: CompiledModel
    version: str
    hashes: NDArray[np.uint64]
    ids: Sequence[str]
    timestamps_ms: Int64Array
    on_time: NDArray[np.bool_]
    score: Float64Array
    predicted: Float64Array
    latency_ms: Float64Array
    error: NDArray[np.bool_]
    numeric: Float64Array
    categorical: Sequence[Int64Array] = ()
    unseen: Sequence[Unseen] = ()
    segments: Sequence[Coded] = ()
    loose_numeric: Mapping[str, Float64Array] = field(default_factory=dict)
    loose_text: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    kinds: Kinds | None = None
    kind: Int64Array | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.hashes)

    def by_kind(self) -> tuple[Kinds, Int64Array]:
        """Return the kinds, and the number of each row's."""
        return _by_kind(self.kinds, self.kind, self.compiled, self.version, len(self))


@dataclass(slots=True, kw_only=True)
class OutcomeRows:
    """n changes that labels make to the outcomes of one version of one compiled model, or of several of one shape.

    Parameters
    ----------
    compiled, version, kinds, kind
        As in `Columns`.
    predicted_ms
        int64[n]: event time of the prediction, which decides its pane.
    rung_ms
        int64[n]: rung of the label's age, see `CompiledModel.rungs_of`.
    score, label
        float64[n], rounded to float32; class codes for a multiclass task. NaN for none.
    sign
        int64[n]: 1 adds the outcome, -1 takes back one that a newer label replaces.
    on_time
        bool[n]: neither the prediction nor the label came late.
    contexts
        Lists of segments ("name=value", without all rows) that rows belong to.
    context
        int64[n]: index of each row's list in `contexts`.
    """

    compiled: CompiledModel
    version: str
    predicted_ms: Int64Array
    rung_ms: Int64Array
    score: Float64Array
    label: Float64Array
    sign: Int64Array
    on_time: NDArray[np.bool_]
    contexts: Sequence[Sequence[str]] = ((),)
    context: Int64Array | None = None
    kinds: Kinds | None = None
    kind: Int64Array | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.predicted_ms)

    def by_kind(self) -> tuple[Kinds, Int64Array]:
        """Return the kinds, and the number of each row's."""
        return _by_kind(self.kinds, self.kind, self.compiled, self.version, len(self))


def _by_kind(
    kinds: Kinds | None, kind: Int64Array | None, compiled: CompiledModel, version: str, count: int
) -> tuple[Kinds, Int64Array]:
    if kinds is None or kind is None:
        return single(compiled, version), np.zeros(count, dtype=np.int64)
    return kinds, kind
