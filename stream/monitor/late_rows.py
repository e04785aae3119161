"""Late rows as shards publish them, found by the window they fall into."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from stream.monitor.streams import Stream
from stream.parts.keys import PartKey
from tidegauge.alerts import Window
from tidegauge.profiles import Profile

Place = tuple[int, PartKey]


class LateRows:
    """The newest late snapshot of every shard and part.

    They are kept for weeks, so nothing may look through all of them: finding those of a window costs O(log n) a
    stream, and one step for each pane that begins inside.
    """

    def __init__(self) -> None:
        self._held: dict[PartKey, dict[int, Profile]] = {}
        self._index: dict[str, dict[Stream, list[Place]]] = {}

    def __contains__(self, key: PartKey) -> bool:
        """Return whether late rows of a key are held."""
        return key in self._held

    def __getitem__(self, key: PartKey) -> dict[int, Profile]:
        """Return the snapshots of a key by shard, for reading; raises KeyError."""
        return self._held[key]

    def get(self, key: PartKey) -> dict[int, Profile]:
        """Return the snapshots of a key by shard, for reading; empty when there are none."""
        return self._held.get(key, {})

    def __iter__(self) -> Iterator[tuple[PartKey, dict[int, Profile]]]:
        """Iterate over keys and their snapshots by shard."""
        return iter(self._held.items())

    def put(self, key: PartKey, profile: Profile) -> None:
        """Replace the snapshot of a shard."""
        if key not in self._held:
            self._held[key] = {}
            stream = Stream(key.model, key.version, key.segment)
            insort(self._index.setdefault(key.model, {}).setdefault(stream, []), (key.pane_start_ms, key))
        self._held[key][profile.shard] = profile

    def streams(self, model: str) -> list[Stream]:
        """Return the versions and segments of a model that have late rows, sorted."""
        return sorted(self._index.get(model, {}))

    def inside(self, stream: Stream, window: Window) -> Iterator[PartKey]:
        """Yield the keys whose pane lies inside a window, by start of the pane."""
        places = self._index.get(stream.model, {}).get(stream, [])
        for start_ms, key in places[bisect_left(places, (window.start_ms,)) :]:
            if start_ms >= window.end_ms:
                return
            if key.pane_end_ms <= window.end_ms:
                yield key

    def drop_before(self, model: str, end_ms: int) -> Iterator[tuple[PartKey, dict[int, Profile]]]:
        """Forget panes of a model that ended at or before an instant, earliest first; yields what they held."""
        index = self._index.get(model, {})
        for stream in list(index):
            kept = []
            for number, place in enumerate(index[stream]):
                if place[0] >= end_ms:
                    kept += index[stream][number:]
                    break
                if place[1].pane_end_ms > end_ms:
                    kept.append(place)
                else:
                    yield place[1], self._held.pop(place[1])
            index[stream] = kept
            if not kept:
                del index[stream]
