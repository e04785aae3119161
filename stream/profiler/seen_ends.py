"""Where the consumer met the end of each partition: markers of transactions stand before it and are never delivered."""

from collections.abc import Collection
from typing import NamedTuple

Place = tuple[str, int]


class _End(NamedTuple):
    """The end's offset, and the next offset after what had been delivered before it."""

    offset: int
    delivered: int


class SeenEnds:
    """Remembers by (role, shard) what was delivered, and at which offset the log ended then."""

    def __init__(self) -> None:
        self._delivered: dict[Place, int] = {}
        self._ends: dict[Place, _End] = {}

    def deliver(self, place: Place, last_offset: int) -> None:
        """Note a message that came off the log."""
        self._delivered[place] = last_offset + 1

    def meet(self, place: Place, offset: int) -> None:
        """Note the end: everything before `offset` was delivered, or never will be."""
        self._ends[place] = _End(offset, self._delivered.get(place, 0))

    def passed(self, place: Place, counted: int) -> int:
        """Return the next offset that may still be delivered, where everything before `counted` was counted.

        What was delivered and not counted, gathered say, still lies ahead.
        """
        end = self._ends.get(place)
        return counted if end is None or counted < end.delivered else max(counted, end.offset)

    def at_end(self, place: Place, counted: int) -> bool:
        """Whether nothing was delivered since the end was met, and everything before it was counted."""
        end = self._ends.get(place)
        return end is not None and self._delivered.get(place, 0) == end.delivered <= counted

    def forget(self, shards: Collection[int]) -> None:
        """Forget logs that are read anew, from other offsets perhaps, or by others."""
        self._delivered = {place: at for place, at in self._delivered.items() if place[1] not in shards}
        self._ends = {place: end for place, end in self._ends.items() if place[1] not in shards}
