"""When a part is published, and when it may be forgotten."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stream.parts.closing import FirstClose
from stream.parts.keys import PartKey

PANES_PER_SNAPSHOT = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """Both watermarks of a shard."""

    predictions_ms: int
    labels_ms: int


def closed(key: PartKey, progress: Progress) -> bool:
    """Whether no on-time row can change the part any more. Late parts never close: rows may come until they leave."""
    if not key.on_time or progress.predictions_ms < key.pane_end_ms:
        return False
    return key.part != "outcome" or progress.labels_ms >= key.pane_end_ms + key.age_ms


class Schedule:
    """Parts that changed since their last publication, and when each is due.

    A closed part is due at once; an open one `every_ms` after it appeared, then every `every_ms` or tenth of its pane,
    whichever is longer. Memory: one entry a part held.
    """

    def __init__(self, every_ms: int) -> None:
        self._every_ms = every_ms
        self._changed: dict[PartKey, None] = {}
        self._next_ms: dict[PartKey, int] = {}
        self._first = FirstClose()

    def touch(self, keys: Iterable[PartKey], now_ms: int) -> None:
        """Note that parts changed; `now_ms` is any clock that only rises."""
        for key in keys:
            self._changed[key] = None
            self._first.note(key)
            self._next_ms.setdefault(key, now_ms + self._every_ms)

    def changed(self, key: PartKey) -> bool:
        """Whether the part has changes that were not taken."""
        return key in self._changed

    def take_due(self, progress: Progress, now_ms: int) -> list[PartKey]:
        """Parts to publish now, in the order they changed; they count as published. O(changed parts)."""
        due = [key for key in self._changed if self._next_ms[key] <= now_ms or closed(key, progress)]
        for key in due:
            del self._changed[key]
            width_ms = key.pane_end_ms - key.pane_start_ms
            self._next_ms[key] = now_ms + max(self._every_ms, width_ms // PANES_PER_SNAPSHOT)
        self._first = FirstClose()
        for key in self._changed:
            self._first.note(key)
        return due

    def closing(self, progress: Progress) -> bool:
        """Whether a changed part has closed and waits to be told. O(1) while none may have, else O(changed parts)."""
        if not self._first.reached(progress.predictions_ms, progress.labels_ms):
            return False
        return any(closed(key, progress) for key in self._changed)

    def take_all(self, keys: Iterable[PartKey]) -> list[PartKey]:
        """Of some parts, those with changes; they count as published."""
        some = [key for key in keys if key in self._changed]
        for key in some:
            del self._changed[key]
        return some

    def forget(self, keys: Iterable[PartKey]) -> None:
        """Parts are gone."""
        for key in keys:
            self._changed.pop(key, None)
            self._next_ms.pop(key, None)


class Expiry:
    """Which parts are past their time: a heap by the instant after which no row can reach them.

    Parameters
    ----------
    retention_ms
        How far behind its watermark a row may be and still count.
    outcome_ms
        For a part's key, how long after its pane labels may still change it (horizon and skew).
    """

    def __init__(self, retention_ms: int, outcome_ms: Callable[[PartKey], int]) -> None:
        self._retention_ms, self._outcome_ms = retention_ms, outcome_ms
        self._rows: list[tuple[int, PartKey]] = []
        self._outcomes: list[tuple[int, PartKey]] = []
        self._held: set[PartKey] = set()

    def add(self, keys: Iterable[PartKey]) -> None:
        """Note parts; those known already are skipped."""
        for key in keys:
            if key in self._held:
                continue
            self._held.add(key)
            instant = key.pane_end_ms + self._retention_ms
            if key.part == "outcome":
                heapq.heappush(self._outcomes, (instant + self._outcome_ms(key), key))
            else:
                heapq.heappush(self._rows, (instant, key))

    def take(self, progress: Progress) -> list[PartKey]:
        """Parts whose time has passed; they are forgotten here."""
        both = min(progress.predictions_ms, progress.labels_ms)
        gone = [*_until(self._rows, progress.predictions_ms), *_until(self._outcomes, both)]
        self._held.difference_update(gone)
        return gone


def _until(heap: list[tuple[int, PartKey]], instant: int) -> list[PartKey]:
    gone = []
    while heap and heap[0][0] < instant:
        gone.append(heapq.heappop(heap)[1])
    return gone
