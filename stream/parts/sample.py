"""Sample part: what is kept of a model's rows until its types and grids are known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.bottom_k import BottomK
from detectors.category_counts import CategoryCounts
from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer
from stream.parts.snapshots import read_counts

SAMPLE_ROWS = 2_000
SEGMENT_SAMPLE_ROWS = 200
MAX_SAMPLED_FEATURES = 512
MAX_CATEGORIES = 256
MAX_SAMPLED_TEXT = 64
"""Bytes: longer texts are free text, and counted together."""
MAX_SAMPLED_NAME = 128
"""Bytes: a feature with a longer name is not sampled, or one message could make a body no message holds."""
# A body must fit a message (1 MB, by librdkafka's and the broker's defaults) whatever comes: with many features fewer
# rows, and fewer categories of each, are kept.
_MAX_VALUES = 45_000
_MAX_TEXTS = 24 * MAX_CATEGORIES
_VERSION = 1

Float64Array = NDArray[np.float64]
T = TypeVar("T")


class SamplePart:
    """The rows with the smallest hashes of their ids, and counts of every text feature's categories.

    Rows are chosen by hash, so the sample of a merge is the merge of the samples, however rows were split.

    Parameters
    ----------
    limit
        Rows kept, at most; fewer when there are more than 21 numeric features (45 000 values in all).

    Attributes
    ----------
    rows
        Predictions seen.
    names
        Numeric features seen, sorted: the columns of `sample.values` before its last, which is the score. Of more
        than 512 the first 512 by name are kept, and none with a name beyond 128 bytes.
    sample
        The rows, without their ids. Missing values are NaN.
    categories
        Counts by text feature: of 256 categories each, fewer when there are more than 24 text features (6 144 in all);
        texts of more than 64 bytes are counted in `other`.
    """

    __slots__ = ("categories", "limit", "names", "rows", "sample")

    def __init__(self, limit: int = SAMPLE_ROWS) -> None:
        self.limit = limit
        self.rows = 0
        self.names: tuple[str, ...] = ()
        self.sample = BottomK(limit, 1)
        self.categories: dict[str, CategoryCounts] = {}

    def column(self, name: str) -> Float64Array:
        """Return the sampled values of a numeric feature; raises ValueError for a name not seen."""
        values: Float64Array = self.sample.values[:, self.names.index(name)]
        return values

    @property
    def scores(self) -> Float64Array:
        """The sampled scores."""
        values: Float64Array = self.sample.values[:, -1]
        return values

    def update(
        self,
        hashes: NDArray[np.uint64],
        scores: Float64Array,
        numeric: Mapping[str, Float64Array],
        text: Mapping[str, Sequence[str | None]],
    ) -> None:
        """Add n rows; NaN and None are missing."""
        self.rows += len(hashes)
        self._widen(name for name, values in _short(numeric) if not np.isnan(values).all())
        missing = np.full(len(hashes), np.nan)
        columns = [numeric.get(name, missing) for name in self.names]
        self.sample.update(hashes, [""] * len(hashes), np.column_stack([*columns, scores]))
        for name, values in _short(text):
            present = [value for value in values if value is not None]
            if present:
                counts = self._counts(name)
                brief = [value for value in present if _fits(value, MAX_SAMPLED_TEXT)]
                counts.update(brief)
                counts.other += len(present) - len(brief)
        self._fit_categories()

    def merge(self, other: Self) -> None:
        """Add another part's rows; raises LayoutError if its limit differs."""
        if other.limit != self.limit:
            raise LayoutError(f"samples of {self.limit} and {other.limit} rows")
        self.rows += other.rows
        self._widen(other.names)
        self.sample.merge(_relaid(other.sample, other.names, self.names, self._capacity()))
        for name in other.categories:
            self._counts(name)
        self._fit_categories()
        for name, counts in self.categories.items():
            if name in other.categories:
                counts.merge(other.categories[name].narrowed(counts.limit))

    def snapshot(self) -> bytes:
        """Return the state as bytes: 8 for each sampled value and row."""
        writer = Writer(_VERSION).ints(np.array([self.limit, self.rows], dtype=np.int64))
        writer.texts(self.names).blob(self.sample.snapshot())
        names = sorted(self.categories)
        writer.texts(names)
        for name in names:
            writer.blob(self.categories[name].snapshot())
        return writer.finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Return the part that was snapshot; raises SnapshotError for bad bytes or a newer version."""
        reader = Reader(data, _VERSION)
        limit, rows = read_counts(reader, 2)
        part = cls(limit)
        part.rows = rows
        part.names = tuple(reader.texts())
        part.sample = BottomK.from_snapshot(reader.blob())
        if part.sample.values.shape[1] != len(part.names) + 1:
            raise SnapshotError(f"sample of {part.sample.values.shape[1]} columns for {len(part.names)} features")
        part.categories = {name: CategoryCounts.from_snapshot(reader.blob()) for name in reader.texts()}
        reader.finish()
        return part

    def _capacity(self) -> int:
        """Rows to keep: falls as names are added, so cutting early or late leaves the same rows."""
        return min(self.limit, _MAX_VALUES // (len(self.names) + 1))

    def _widen(self, names: Iterable[str]) -> None:
        union = tuple(sorted({*self.names, *names}))[:MAX_SAMPLED_FEATURES]
        if union != self.names:
            before, self.names = self.names, union
            self.sample = _relaid(self.sample, before, union, self._capacity())

    def _counts(self, name: str) -> CategoryCounts:
        return self.categories.setdefault(name, CategoryCounts(self._room()))

    def _room(self) -> int:
        """Categories to keep of each feature: falls as features are added, as the rows do."""
        features = min(max(1, len(self.categories)), MAX_SAMPLED_FEATURES)
        return min(MAX_CATEGORIES, _MAX_TEXTS // features)

    def _fit_categories(self) -> None:
        for name in sorted(self.categories)[MAX_SAMPLED_FEATURES:]:
            del self.categories[name]
        room = self._room()
        for name, counts in self.categories.items():
            if counts.limit > room:
                self.categories[name] = counts.narrowed(room)


def sampled_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return those names of numeric (or of text) features that a sample keeps."""
    return tuple(sorted(name for name in names if _fits(name, MAX_SAMPLED_NAME)))[:MAX_SAMPLED_FEATURES]


def _short(columns: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    return ((name, column) for name, column in columns.items() if _fits(name, MAX_SAMPLED_NAME))


def _fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` bytes."""
    return len(text) <= limit and (text.isascii() or len(text.encode()) <= limit)


def _relaid(sample: BottomK, before: Sequence[str], after: Sequence[str], capacity: int) -> BottomK:
    """Return the sample with columns `after` (and the score) instead of `before`, of at most `capacity` rows."""
    values = np.full((len(sample.hashes), len(after) + 1), np.nan)
    values[:, -1] = sample.values[:, -1]
    position = {name: index for index, name in enumerate(before)}
    for index, name in enumerate(after):
        if name in position:
            values[:, index] = sample.values[:, position[name]]
    relaid = BottomK(capacity, len(after) + 1)
    relaid.update(sample.hashes, sample.ids, values)
    return relaid
