"""Counts of categories nobody declared, in bounded memory and yet mergeable."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from operator import itemgetter
from typing import Final, Self

import numpy as np
import xxhash

from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

MAX_NAME: Final = 256
"""Characters of a name that count; what follows is cut off, so that no message can blow up the state."""

_VERSION: Final = 1


class CategoryCounts:
    """Exact counts of the categories with the smallest hashes; all others are counted together.

    Which categories are kept depends on their names alone, never on order or frequency: so the sketch of a union
    is the union of the sketches, and every count it holds is exact. "Most frequent" has no such sketch.
    Memory: at most ``limit`` names of 256 characters and their counts.

    Parameters
    ----------
    limit : int
        Categories counted one by one, at least 1.

    Attributes
    ----------
    other : int
        Rows of categories that are not kept.

    Examples
    --------
    >>> unseen = CategoryCounts()
    >>> unseen.update(["XX", "YY", "XX"])
    >>> unseen.top(1)
    [('XX', 2)]
    """

    def __init__(self, limit: int = 64) -> None:
        if limit < 1:
            raise ValueError(f"limit is at least 1, got {limit}")
        self.limit: Final = limit
        self.other = 0
        self._counts: dict[str, int] = {}
        self._hashes: dict[str, int] = {}
        self._largest: tuple[int, str] | None = None

    def update(self, names: Iterable[str]) -> None:
        """Count names; one hash for each distinct name that is not kept yet."""
        for name, n in Counter(names).items():
            self._add(name[:MAX_NAME], n)

    def _add(self, name: str, n: int) -> None:
        if name in self._counts:
            self._counts[name] += n
            return
        key = (xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass")), name)
        if self._largest is not None and key > self._largest:
            self.other += n
            return
        self._counts[name], self._hashes[name] = n, key[0]
        if len(self._counts) > self.limit:
            self._drop_largest()
        if len(self._counts) == self.limit:
            self._largest = max((kept, other) for other, kept in self._hashes.items())

    def _drop_largest(self) -> None:
        name = max(self._hashes, key=lambda name: (self._hashes[name], name))
        del self._hashes[name]
        self.other += self._counts.pop(name)

    @property
    def total(self) -> int:
        """Rows counted."""
        return self.other + sum(self._counts.values())

    def counts(self) -> dict[str, int]:
        """Give a copy of the exact counts by name, in the order of names."""
        return dict(sorted(self._counts.items()))

    def top(self, n: int) -> list[tuple[str, int]]:
        """Give the n most frequent of the kept categories, ties by name."""
        return sorted(sorted(self._counts.items()), key=itemgetter(1), reverse=True)[:n]

    def merge(self, other: Self) -> None:
        """Add the counts of ``other``; raises LayoutError if its limit differs."""
        if other.limit != self.limit:
            raise LayoutError(f"merge of categories with limit {other.limit} into {self.limit}")
        self._take(other)

    def narrowed(self, limit: int) -> Self:
        """Give the counts as if no more than ``limit`` categories had ever been kept; at most ``self.limit``."""
        if limit > self.limit:
            raise ValueError(f"limit {limit} is above {self.limit}: what was not kept cannot come back")
        narrow = type(self)(limit)
        narrow._take(self)  # noqa: SLF001 - its own class
        return narrow

    def _take(self, other: Self) -> None:
        for name, n in list(other._counts.items()):
            self._add(name, n)
        self.other += other.other

    def snapshot(self) -> bytes:
        """Names in order and their counts."""
        if not self._counts and not self.other:
            return _empty(self.limit)  # most features never meet one
        counts = self.counts()
        writer = Writer(_VERSION).integer(self.limit).integer(self.other).texts(list(counts))
        return writer.ints(np.fromiter(counts.values(), np.int64, len(counts))).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Read a snapshot; raises SnapshotError."""
        reader = Reader(data, newest=_VERSION)
        limit, other, names, counts = reader.integer(), reader.integer(), reader.texts(), reader.ints()
        reader.finish()
        if len(names) != counts.size or not len(set(names)) == len(names) <= limit:
            raise SnapshotError(f"{counts.size} counts for {len(names)} categories of at most {limit}")
        sketch = cls(max(limit, 1))
        for name, n in zip(names, counts.tolist(), strict=True):
            sketch._add(name, n)
        sketch.other = other
        return sketch


@cache  # a pure function of one number, and a program has a few of them
def _empty(limit: int) -> bytes:
    """Return the snapshot of counts that met nothing."""
    return Writer(_VERSION).integer(limit).integer(0).texts([]).ints(np.zeros(0, dtype=np.int64)).finish()
