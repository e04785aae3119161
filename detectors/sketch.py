"""The verbs that everything with mergeable state has."""

from typing import Protocol, Self, runtime_checkable


@runtime_checkable
class Sketch(Protocol):
    """State that is additive: shards keep their own, and merging them in any order gives the whole.

    Laws, checked for every class by ``tests/detectors/test_laws.py``:

    - ``merge`` is associative and commutative, and an empty sketch changes nothing;
    - one update with all rows equals many with some of them;
    - ``from_snapshot(snapshot())`` equals the sketch, and equal states give equal bytes;
    - NaN, infinities and empty batches neither raise nor spoil what comes later; memory is bounded.

    ``update`` is not part of the protocol, because its arguments are the statistic's own.
    """

    def merge(self, other: Self) -> None:
        """Take in what ``other`` has seen; ``other`` is unchanged. Raises LayoutError if parameters differ."""
        ...

    def snapshot(self) -> bytes:
        """State as bytes; the first is the version of the format."""
        ...

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """State from bytes. Raises SnapshotError if they are damaged or of a newer version."""
        ...
