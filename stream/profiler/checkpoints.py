"""From a shard's changes to checkpoints, and from checkpoints that landed to profiles that may be published.

Nothing is published that a checkpoint does not hold; what a checkpoint says must be published is remembered with it
until it was delivered; a watermark is told only after every profile below it was.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stream.checkpoint.values import Delta, Loaded
from stream.parts.keys import PartKey
from stream.profiler.schedule import Expiry, Schedule
from stream.profiler.shard import ShardCore
from stream.profiler.state import part_field, part_key
from tidegauge.profiles import Profile, ShardWatermark


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A delta, and what to publish once it has landed."""

    delta: Delta
    bodies: dict[PartKey, bytes]
    watermark: ShardWatermark


@dataclass(frozen=True, slots=True)
class Publication:
    """Profiles of one checkpoint (`seq`), by field; the watermark may be told when all of them were delivered."""

    shard: int
    seq: int
    profiles: dict[bytes, Profile]
    watermark: ShardWatermark


class Checkpoints:
    """Bookkeeping of one shard between its core, the store and the profiles topic. Pure: times are given.

    Parameters
    ----------
    core
        The shard; new, or loaded from `loaded`.
    epoch, seq
        As the takeover gave them.
    loaded
        What was taken over; None for a state that is known to be empty.
    """

    def __init__(self, core: ShardCore, epoch: int, seq: int, loaded: Loaded | None = None) -> None:
        self.core, self.epoch, self.seq = core, epoch, seq
        self._schedule = Schedule(core.config.publish_ms)
        self._expiry = Expiry(core.config.retention_ms, _outcome_memory_ms(core))
        self._closing = Expiry(0, lambda key: key.age_ms)
        self._unpublished: dict[bytes, int] = {}
        self._delivered: dict[bytes, int] = {}
        self._leaving: list[PartKey] = []
        self._owed: list[PartKey] = []
        self._offsets: dict[str, int] = {}
        self._landed: dict[str, int] = {}
        self._told = core.progress
        if loaded is not None:
            held = {field: part_key(field) in core.store for field in loaded.unpublished}
            self._unpublished = {field: stored for field, stored in loaded.unpublished.items() if held[field]}
            # Nothing is left to tell of a part that is gone: strike it off, or it would be loaded for ever.
            self._delivered = {field: seq for field, there in held.items() if not there}
            self._offsets, self._landed = dict(loaded.offsets), dict(loaded.offsets)
            self._expiry.add(core.store)

    @property
    def unpublished(self) -> int:
        """Parts whose stored state was not delivered to the profiles topic yet."""
        return len(self._unpublished)

    @property
    def offsets(self) -> dict[str, int]:
        """Next offsets as of the last checkpoint that landed, by role: what may be committed under this epoch.

        Nothing as long as the store does not know what is owed: a successor sees that by the older epoch.
        """
        return {} if self._owed else dict(self._landed)

    @property
    def written(self) -> bool:
        """Whether every message that was read is in a checkpoint that was taken."""
        return self._offsets == self.core.offsets and self._told == self.core.progress and not self._owed

    def owe_all(self) -> None:
        """Publish every part again with the next checkpoint, whoever told it before."""
        self._owed = list(self.core.store)

    def closing(self) -> bool:
        """Whether a part may have closed since the last checkpoint: then the next one should not wait."""
        progress = self.core.progress
        fresh = self.core.store.closing(progress.predictions_ms, progress.labels_ms)
        return fresh or self._schedule.closing(progress)

    def take(self, now_ms: int) -> Checkpoint | None:
        """Everything that changed since the last one, or None if nothing did.

        Parameters
        ----------
        now_ms
            A clock that only rises: open parts are published again after a while.
        """
        core, progress = self.core, self.core.progress
        dirty = core.store.take_dirty()
        self._schedule.touch(dirty, now_ms)
        self._expiry.add(dirty)
        self._closing.add(key for key in dirty if key.on_time)
        due, gone = self._due(now_ms)
        offsets = {role: offset for role, offset in core.offsets.items() if self._offsets.get(role) != offset}
        if not (offsets or dirty or due or gone or self._delivered or self._owed or progress != self._told):
            return None
        bodies = {key: core.store.snapshot(key) for key in dict.fromkeys((*dirty, *due))}
        core.store.freeze(self._closing.take(progress))
        fields: dict[bytes, bytes | None] = {part_field(key): body for key, body in bodies.items()}
        fields.update(dict.fromkeys(map(part_field, gone)))
        fields.update(core.take_fields())
        appends, dropped = self._join_log()
        self._forget(gone)
        self._told, self._offsets = progress, dict(core.offsets)
        delivered, self._delivered = self._delivered, {}
        # All that changed, not only what is due now: a successor must know what this owner still meant to publish.
        unpublished = dict.fromkeys((*map(part_field, dirty), *map(part_field, self._owed)))
        delta = Delta(fields, appends, dropped, offsets, tuple(unpublished), delivered)
        watermark = core.watermark(self.epoch, self.seq + 1)
        return Checkpoint(delta, {key: bodies[key] for key in due}, watermark)

    def landed(self, checkpoint: Checkpoint, seq: int) -> Publication:
        """Return what may be published, now that a checkpoint is in the store."""
        self.seq = seq
        self._owed = []
        self._landed.update(checkpoint.delta.offsets)
        self._unpublished.update(dict.fromkeys(checkpoint.delta.unpublished, seq))
        return self._publication(checkpoint.bodies, checkpoint.watermark)

    def resumed(self, epoch: int) -> "Checkpoints":
        """Go on under a new epoch, with the state that was kept in memory; nothing may be taken and not landed."""
        self.epoch = epoch
        return self

    def republish(self) -> Publication:
        """Return everything that was checkpointed and perhaps never delivered: the first act of a new owner."""
        bodies = {key: self.core.store.snapshot(key) for key in map(part_key, self._unpublished)}
        return self._publication(bodies, self.core.watermark(self.epoch, self.seq))

    def delivered(self, fields: Iterable[bytes], seq: int) -> None:
        """Note that the profiles of a checkpoint were acknowledged by Kafka."""
        for field in fields:
            stored = self._unpublished.get(field)
            if stored is not None and stored <= seq:
                del self._unpublished[field]
            self._delivered[field] = max(seq, self._delivered.get(field, 0))

    def _due(self, now_ms: int) -> tuple[list[PartKey], list[PartKey]]:
        """Parts to publish, and parts to forget: those past their time whose last state was delivered."""
        progress = self.core.progress
        leaving = [*self._leaving, *self._expiry.take(progress)]
        due = [*self._schedule.take_due(progress, now_ms), *self._schedule.take_all(leaving)]
        busy = set(due)
        due += [key for key in self._owed if key not in busy]
        busy.update(self._owed)
        gone = [key for key in leaving if key not in busy and part_field(key) not in self._unpublished]
        self._leaving = [key for key in leaving if key in busy or part_field(key) in self._unpublished]
        return due, gone

    def _join_log(self) -> tuple[dict[str, bytes], tuple[str, ...]]:
        joiner = self.core.memory.joiner
        appends, dropped = joiner.predictions.take_changes()
        more, others = joiner.labels.take_changes()
        return {**appends, **more}, (*dropped, *others)

    def _forget(self, keys: list[PartKey]) -> None:
        self.core.store.drop(keys)
        self._schedule.forget(keys)

    def _publication(self, bodies: dict[PartKey, bytes], watermark: ShardWatermark) -> Publication:
        profiles = {
            part_field(key): key.profile(body, shard=self.core.shard, epoch=self.epoch, seq=self.seq)
            for key, body in bodies.items()
        }
        return Publication(self.core.shard, self.seq, profiles, watermark)


def _outcome_memory_ms(core: ShardCore) -> Callable[[PartKey], int]:
    """Return what asks the rules, which change with the catalog; no method, which what it is given to would hold."""

    def ask(key: PartKey) -> int:
        return core.rules.outcome_memory_ms(key)

    return ask
