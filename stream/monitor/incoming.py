"""Snapshots as shards publish them, kept until the pane can no longer change."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from stream.monitor.fields import Fields
from stream.monitor.late_rows import LateRows
from stream.monitor.recent import Recent
from stream.monitor.streams import Stream, field_name
from stream.monitor.watermarks import NEVER_MS, Watermarks
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part
from tidegauge.alerts import Window
from tidegauge.profiles import Profile

PREFIX = "r"
CLOSED = "closed"
OUTCOME = "outcome"


@dataclass
class _Queue:
    """Keys that wait for a watermark, earliest first, and how far that watermark has come."""

    closed_ms: int = NEVER_MS
    waiting: list[tuple[int, PartKey]] = field(default_factory=list)


class Incoming:
    """The newest snapshot of every shard and part.

    A snapshot replaces the one before it by (epoch, seq): repeats and old ones change nothing. On-time rows of a pane
    cannot grow once every shard's watermark has passed its end, so the shards' parts are then merged, in the order of
    shards, and what arrives later is a repeat. Late rows are kept apart, for revisions of reports.

    What a shard told below its own watermark is final, while other shards are still waited for: when the store fails
    over to a replica that lags, the shard's next owner reads again, and newer snapshots are of a part in the making.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._on_time: dict[PartKey, dict[int, Profile]] = {}
        self.late = LateRows()
        self._recent: Recent[AnyPart] = Recent()
        self._queues = {"inputs": _Queue(), OUTCOME: _Queue()}

    def apply(self, profile: Profile, watermarks: Watermarks) -> PartKey | None:
        """Take in a snapshot; returns its key if it holds late rows that are news."""
        key = PartKey.of(profile)
        if key.on_time and due_ms(key) <= max(self._queue(key).closed_ms, _told_ms(key, profile.shard, watermarks)):
            return None
        held = self._on_time.get(key, {}) if key.on_time else self.late.get(key)
        before = held.get(profile.shard)
        if before is not None and (before.epoch, before.seq) >= (profile.epoch, profile.seq):
            return None
        self._fields.put(field_name(PREFIX, profile.shard, *key), msgspec.msgpack.encode(profile))
        self._hold(key, profile)
        return None if key.on_time else key

    def close(self, watermarks: Watermarks) -> Iterator[tuple[PartKey, AnyPart]]:
        """Yield every part that became final, merged over shards, by end of its pane."""
        reached = {"inputs": watermarks.predictions_ms, OUTCOME: watermarks.outcomes_ms}
        for name, queue in self._queues.items():
            if reached[name] <= queue.closed_ms:
                continue
            queue.closed_ms = reached[name]
            self._fields.put(field_name(CLOSED, name), msgspec.msgpack.encode(queue.closed_ms))
            while queue.waiting and queue.waiting[0][0] <= queue.closed_ms:
                key = heapq.heappop(queue.waiting)[1]
                yield key, self._merge(key)

    def waits_for_labels(self, model: str) -> bool:
        """Whether a model has outcomes that are not final yet."""
        return any(key.model == model and key.part == OUTCOME for key in self._on_time)

    def late_part(self, key: PartKey) -> AnyPart:
        """Return the late rows of a key, merged over shards; raises KeyError. Not to be changed by the caller."""
        return self._recent.get(key, lambda: _merged(key.part, self.late[key]))

    def late_keys(self, stream: Stream, window: Window) -> list[PartKey]:
        """Return the keys of late rows inside a window, sorted."""
        return sorted(self.late.inside(stream, window))

    def drop_late_before(self, model: str, end_ms: int) -> None:
        """Forget late rows of a model in panes that ended at or before an instant."""
        for key, shards in self.late.drop_before(model, end_ms):
            self._recent.drop(key)
            for shard in shards:
                self._fields.delete(field_name(PREFIX, shard, *key))

    def load(self, data: bytes) -> None:
        """Put a stored snapshot back."""
        profile = msgspec.msgpack.decode(data, type=Profile)
        self._hold(PartKey.of(profile), profile)

    def check(self) -> None:
        """Decode every snapshot that was put back; raises SnapshotError for the first that cannot be read."""
        for key, shards in chain(self._on_time.items(), self.late):
            for profile in shards.values():
                load_part(key.part, profile.body)

    def load_closed(self, name: str, data: bytes) -> None:
        """Put back how far panes were closed."""
        self._queues[name].closed_ms = msgspec.msgpack.decode(data, type=int)

    def _queue(self, key: PartKey) -> _Queue:
        return self._queues[OUTCOME if key.part == OUTCOME else "inputs"]

    def _hold(self, key: PartKey, profile: Profile) -> None:
        if not key.on_time:
            self.late.put(key, profile)
            self._recent.drop(key)
            return
        if key not in self._on_time:
            self._on_time[key] = {}
            heapq.heappush(self._queue(key).waiting, (due_ms(key), key))
        self._on_time[key][profile.shard] = profile

    def _merge(self, key: PartKey) -> AnyPart:
        shards = self._on_time.pop(key)
        for shard in shards:
            self._fields.delete(field_name(PREFIX, shard, *key))
        return _merged(key.part, shards)


def due_ms(key: PartKey) -> int:
    """Return the watermark from which a part is final: a rung's labels come at most its age after the pane."""
    return key.pane_end_ms + key.age_ms


def _told_ms(key: PartKey, shard: int, watermarks: Watermarks) -> int:
    """Return how far the shard itself has told parts of this kind; each was sent before the watermark above it."""
    told = watermarks.of(shard)
    if told is None:
        return NEVER_MS
    return min(told.predictions_ms, told.labels_ms) if key.part == OUTCOME else told.predictions_ms


def _merged(part: str, shards: dict[int, Profile]) -> AnyPart:
    first, *others = (load_part(part, shards[shard].body) for shard in sorted(shards))
    for other in others:
        first.merge(other)  # type: ignore[arg-type]  # one key, one kind of part
    return first
