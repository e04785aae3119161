"""What join records point to in place of names: an id each, given anew once nothing can point to it any more.

A context counts against the limit from its first prediction until a day comes from which on all that it had are
forgotten. That depends on the predictions alone. Whether its id is free depends on what the join log holds, and with
that on the labels, too: no answer depends on ids. Beyond the limit there are so many contexts as records point to.
"""

from collections.abc import Callable, Collection, Mapping
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.parts.growing import Growing

PREFIX: Final = b"c|"
_NEVER_DAY: Final = -1


class Context(NamedTuple):
    """What a join record must remember of its prediction besides time and score."""

    model: str
    version: str
    segments: tuple[str, ...]


class _Stored(msgspec.Struct, array_like=True):
    model: str
    version: str
    segments: tuple[str, ...]
    last_day: int | None = None  # not told by releases that never gave an id anew


class Contexts:
    """The contexts of one shard. Memory: some 300 bytes each.

    Attributes
    ----------
    from_day
        Contexts without a prediction since this day (of event time, from 1970) no longer count.
    """

    def __init__(self) -> None:
        self._contexts: list[Context | None] = []
        self._last_day = Growing(_NEVER_DAY)
        self._ids: dict[Context, int] = {}
        self._retired: dict[Context, int] = {}
        self._free: list[int] = []
        self._dirty: set[int] = set()
        self.from_day = 0

    def __len__(self) -> int:
        """How many count."""
        return len(self._ids)

    @property
    def current(self) -> Collection[Context]:
        """Those that count."""
        return self._ids.keys()

    def find(self, context: Context) -> int | None:
        """Return the id of a context that counts."""
        return self._ids.get(context)

    def add(self, context: Context) -> int:
        """Give a context an id: the one it had if that is not free yet, or the smallest that is."""
        number = self._retired.pop(context, None)
        if number is None:
            number = heappop(self._free) if self._free else len(self._contexts)
            self._contexts[number : number + 1] = [context]
            self._last_day.reach(len(self._contexts))
        self._last_day.values[number] = self.from_day
        self._ids[context] = number
        self._dirty.add(number)
        return number

    def resolve(self, number: int) -> Context:
        """Return the context with an id that a record of the join log has."""
        context = self._contexts[number]
        if context is None:
            raise LookupError(f"context {number} was forgotten")
        return context

    def used(self, numbers: NDArray[np.uint32], days: NDArray[np.int64]) -> None:
        """Note the day of each of some predictions, by the ids of their contexts. O(n)."""
        last_day = self._last_day.values
        later = np.flatnonzero(last_day[numbers] < days)
        if later.size:
            np.maximum.at(last_day, numbers[later], days[later])
            self._dirty.update(np.unique(numbers[later]).tolist())

    def retire(self, from_day: int) -> bool:
        """Let contexts without a prediction since a day count no longer; whether there were any. O(contexts)."""
        if from_day <= self.from_day:
            return False
        self.from_day = from_day
        gone = [context for context, number in self._ids.items() if self._last_day.values[number] < from_day]
        for context in gone:
            self._retired[context] = self._ids.pop(context)
        return bool(gone)

    def free(self, held: Callable[[int], NDArray[np.bool_]]) -> bool:
        """Free the ids of retired contexts that no record has; whether there were any.

        `held` tells of each id below a number whether a record has it; asked when there are retired ones.
        """
        pointed_to = held(len(self._contexts)) if self._retired else ()
        gone = [context for context, number in self._retired.items() if not pointed_to[number]]
        for context in gone:
            number = self._retired.pop(context)
            self._contexts[number] = None
            self._last_day.values[number] = _NEVER_DAY
            heappush(self._free, number)
            self._dirty.add(number)
        return bool(gone)

    def take_changes(self) -> dict[bytes, bytes | None]:
        """Fields of the state that changed since the last call; None: gone."""
        changed, self._dirty = self._dirty, set()
        return {PREFIX + str(number).encode(): self._encode(number) for number in changed}

    def load(self, fields: Mapping[bytes, bytes], from_day: int, day: int) -> None:
        """Take in the contexts among stored fields; `day` is when those were last used that do not tell."""
        stored = {int(name[len(PREFIX) :]): value for name, value in fields.items() if name.startswith(PREFIX)}
        self.from_day = from_day
        self._contexts = [None] * (max(stored, default=-1) + 1)
        self._last_day.reach(len(self._contexts))
        for number, value in sorted(stored.items()):
            found = msgspec.msgpack.decode(value, type=_Stored)
            context = Context(found.model, found.version, found.segments)
            self._contexts[number] = context
            last_day = day if found.last_day is None else found.last_day
            if found.last_day is None:
                self._dirty.add(number)  # or each owner would take its own day for the last one
            self._last_day.values[number] = last_day
            (self._ids if last_day >= from_day else self._retired)[context] = number
        self._free = [number for number, context in enumerate(self._contexts) if context is None]
        heapify(self._free)

    def _encode(self, number: int) -> bytes | None:
        context = self._contexts[number]
        if context is None:
            return None
        return msgspec.msgpack.encode(_Stored(*context, last_day=int(self._last_day.values[number])))
