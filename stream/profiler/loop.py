"""The profiler's loop: read, count, checkpoint, publish; hold still when Redis or the profiles topic cannot keep up."""

import time
from collections.abc import Callable, Mapping

from stream.model.catalog import Catalog
from stream.profiler.config import ProfilerConfig
from stream.profiler.dead_letters import DeadLetters
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.inputs import Inputs
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.owned import Owned
from stream.profiler.progress import Progress
from stream.profiler.publisher import Publisher
from stream.profiler.shards import Shards
from stream.profiler.status import ProfilerStatus, Totals, shard_status

STATUS_SECONDS = 1.0
OTHER = {PREDICTIONS: LABELS, LABELS: PREDICTIONS}


class Loop:
    """One turn after another, in one thread.

    Parameters
    ----------
    config
        Sizes and cadence.
    shards, publisher, dead_letters, totals
        The parts it drives.
    inputs
        Made from the callbacks of this loop.
    catalog
        Gives the newest definitions; asked once a turn.
    """

    def __init__(
        self,
        config: ProfilerConfig,
        shards: Shards,
        publisher: Publisher,
        dead_letters: DeadLetters,
        inputs: Callable[["Loop"], Inputs],
        catalog: Callable[[], Catalog],
        totals: Totals,
    ) -> None:
        self._config, self._shards, self._publisher = config, shards, publisher
        self._dead_letters, self._catalog, self._totals = dead_letters, catalog, totals
        self._seen = catalog()
        self._commit_at = self._status_at = 0.0
        self._epochs: dict[int, int] = {}
        self._held = ""
        self._progress = Progress()
        self.status = ProfilerStatus()
        self._inputs = inputs(self)

    def on_assign(self, shards: list[int]) -> Mapping[int, Mapping[str, int]]:
        """Take over what the consumer was assigned."""
        self._shards.assigned(shards, time.monotonic())
        return {shard: offsets for shard, offsets in self._shards.offsets.items() if shard in set(shards)}

    def on_revoke(self, shards: list[int], lost: bool) -> None:  # noqa: FBT001 - the consumer's signature
        """Write and park what the consumer has to give back."""
        self._shards.revoked(shards, lost=lost, now=time.monotonic())

    def turn(self) -> None:
        """Read one batch and do what is due."""
        config = self._config
        batches = self._inputs.read(config.batch, config.poll_seconds)
        now = time.monotonic()
        for (role, shard), batch in batches.items():
            if shard in self._shards.owned:  # else revoked meanwhile; its next owner starts from the state's offsets
                self._shards.owned[shard].gather(role, batch, now)
        for owned in self._shards.owned.values():
            for role, batch in owned.take_gathered(now, config.chunk, config.gather_seconds):
                self._count(role, owned, batch)
        self._follow_catalog()
        self._go_on(now)
        self._shards.tick(int(time.time() * 1000), self._quiet)
        self._free_unlabelled()
        self._shards.checkpoint(now)
        self._shards.step(now)
        self._take_over(now)
        self._inputs.hold(self._to_hold())
        self._report(now)

    def finish(self, seconds: float) -> None:
        """Write, publish and note deliveries once more, then leave the group; about `seconds` at most."""
        deadline = time.monotonic() + seconds
        for share in (0.5, 1.0):
            self._shards.checkpoint(time.monotonic(), list(self._shards.owned))
            self._shards.step(time.monotonic())
            self._publisher.flush(max((deadline - time.monotonic()) * share, 0.0))
            self._shards.step(time.monotonic())
        self._inputs.commit(*self._to_commit())
        self._inputs.close()

    def _count(self, role: str, owned: Owned, batch: RawBatch) -> None:
        self._totals.messages += len(batch.offsets)
        for start in range(0, len(batch.offsets), self._config.chunk):
            self._bury(owned.read(role, batch.part(start, start + self._config.chunk), time.monotonic()))

    def _go_on(self, now: float) -> None:
        """Try again what waits for the grids of a model."""
        for owned in self._shards.owned.values():
            if owned.stash:
                self._bury(owned.go_on(now))

    def _bury(self, letters: list[DeadLetter]) -> None:
        if letters:
            self._totals.dead_letters += len(letters)
            self._dead_letters.put(letters)

    def _follow_catalog(self) -> None:
        catalog = self._catalog()
        if catalog is not self._seen:
            self._seen = catalog
            self._shards.set_catalog(catalog)

    def _take_over(self, now: float) -> None:
        taken = self._shards.take_over(now)
        if taken:
            self._inputs.read_until(self._shards.offsets)
            self._inputs.start(taken)

    def _quiet(self, owned: Owned) -> bool:
        """Whether a shard has nothing to read, as far as the broker has told."""
        offsets = owned.core.offsets
        return not self._held and all(
            self._inputs.unread(role, owned.shard, offsets.get(role)) == 0 for role in (PREDICTIONS, LABELS)
        )

    def _free_unlabelled(self) -> None:
        """Bound the memory of shards that nobody sends labels to, and let them say so."""
        for owned in self._shards.owned.values():
            core = owned.core
            # Beside labels that are yet to be read nothing may be learnt as if there were none.
            unread = self._inputs.unread(LABELS, owned.shard, core.offsets.get(LABELS)) if core.unlabelled else None
            core.never_labelled = unread == 0
            if core.never_labelled and owned.pending is None:
                core.free_unlabelled()

    def _to_hold(self) -> set[tuple[str, int]]:
        both = (PREDICTIONS, LABELS)
        held = {(role, shard) for shard in self._shards.waiting for role in both}
        self._held = "store" if self._shards.store_away else ""
        if not self._held and self._publisher.backlog_bytes > self._config.max_backlog_bytes:
            self._held = "backlog"
        if not self._held and self._dead_letters.stuck:
            self._held = "dead letters"
        if self._held:
            return held | {(role, shard) for shard in self._shards.owned for role in both}
        ahead = (self._ahead(owned) for owned in self._shards.owned.values())
        learning = {(PREDICTIONS, owned.shard) for owned in self._shards.owned.values() if owned.stash}
        return held | learning | {pair for pair in ahead if pair is not None}

    def _ahead(self, owned: Owned) -> tuple[str, int] | None:
        """Return the topic that must wait for the other: only while that one has something to read."""
        clocks = owned.core.clocks
        gap_ms = clocks[PREDICTIONS].newest_ms - clocks[LABELS].newest_ms
        if abs(gap_ms) <= self._config.max_ahead_ms:
            return None
        role = PREDICTIONS if gap_ms > 0 else LABELS
        behind = OTHER[role]
        # Nobody knows yet: wait, or the first batches of a replay run days ahead.
        caught_up = self._inputs.caught_up(behind, owned.shard, owned.core.offsets.get(behind))
        return None if caught_up else (role, owned.shard)

    def _report(self, now: float) -> None:
        # A new owner says so at once: should Redis forget it in a failover, Kafka remembers.
        offsets, epochs = self._to_commit()
        if now >= self._commit_at or epochs != self._epochs:
            self._commit_at, self._epochs = now + self._config.cadence.commit_seconds, epochs
            self._inputs.commit(offsets, epochs)
        if now >= self._status_at:
            self._status_at = now + STATUS_SECONDS
            self._note_progress(now)
            self._totals.published_messages = self._publisher.messages
            self._totals.published_bytes = self._publisher.bytes
            self.status = ProfilerStatus(
                shards=tuple(shard_status(owned) for _, owned in sorted(self._shards.owned.items())),
                waiting=tuple(sorted(self._shards.waiting)),
                totals=self._totals,
                held=self._held or ("takeover" if self._shards.waiting else ""),
                held_seconds=self._progress.held_seconds(now),
                waiting_seconds=self._progress.waiting_seconds(now),
                backlog_bytes=self._publisher.backlog_bytes,
            )

    def _note_progress(self, now: float) -> None:
        shards = self._shards
        # Shards that wait for the grids of a model being learnt wait on purpose, and not for ever.
        unread = not any(owned.stash for owned in shards.owned.values()) and any(
            self._inputs.unread(role, owned.shard, owned.core.offsets.get(role))
            for owned in shards.owned.values()
            for role in (PREDICTIONS, LABELS)
        )
        held = bool(self._held or shards.waiting)
        self._progress.note(now, messages=self._totals.messages, unread=unread, held=held)

    def _to_commit(self) -> tuple[dict[int, Mapping[str, int]], dict[int, int]]:
        """Offsets that the store holds, and the epochs of the shards that have any."""
        offsets = {shard: owned.checkpoints.offsets for shard, owned in self._shards.owned.items()}
        told = {shard: next_offsets for shard, next_offsets in offsets.items() if next_offsets}
        return dict(told), {shard: self._shards.owned[shard].checkpoints.epoch for shard in told}
