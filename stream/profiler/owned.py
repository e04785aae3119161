"""A shard in this worker's hands: its core, its bookkeeping and its right to write."""

import time
from dataclasses import dataclass, field

from stream.checkpoint import RetryPolicy, ShardName, SyncRunner
from stream.checkpoint.requests import Client
from stream.checkpoint.values import Fenced, Landed, Stale
from stream.profiler.checkpoints import Checkpoint, Checkpoints, Publication
from stream.profiler.config import Cadence
from stream.profiler.decode import PREDICTIONS
from stream.profiler.heritage import Heritage
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.shard import ShardCore

MS = 1_000


@dataclass(slots=True)
class Owned:
    """One shard, taken over.

    Attributes
    ----------
    pending
        A checkpoint that may or may not have landed: it is committed again before anything else happens.
    quiet_since_ms
        Since when (wall clock) the shard is at the end of both logs, as far as is known.
    gathered
        Messages by topic that were not counted yet, and since when: many at a time cost half as much each.
    stash
        Predictions that came off the log and wait for a model's grids; at most what one poll brings.
    asked_at
        Since when the sample of a learning model is complete here.
    """

    runner: SyncRunner
    checkpoints: Checkpoints
    learn_wait_seconds: float = Cadence.learn_wait_seconds
    pending: Checkpoint | None = None
    checkpointed_at: float = 0.0
    seconds: float = 0.0
    bytes: int = 0
    quiet_since_ms: int | None = None
    gathered: dict[str, tuple[float, RawBatch]] = field(default_factory=dict)
    stash: list[RawBatch] = field(default_factory=list)
    asked_at: dict[str, float] = field(default_factory=dict)

    @property
    def core(self) -> ShardCore:
        """The shard's state."""
        return self.checkpoints.core

    @property
    def shard(self) -> int:
        """Its number."""
        return self.core.shard

    @property
    def written(self) -> bool:
        """Whether the store holds everything that was read: only then may the memory be trusted later."""
        return self.pending is None and self.checkpoints.written

    def gather(self, role: str, batch: RawBatch, now: float) -> None:
        """Keep a batch until more of its topic has come; messages that are there already are left out."""
        self.quiet_since_ms = None
        since, before = self.gathered.get(role, (now, None))
        if before is not None:
            batch = before.then(batch.since(before.offsets[-1] + 1))
        self.gathered[role] = (since, batch)

    def take_gathered(self, now: float, enough: int, patience_seconds: float) -> list[tuple[str, RawBatch]]:
        """Return what is to be counted now: topics with enough messages, or both when one has waited long enough.

        Both, so that a shard's event time goes on in both together.
        """
        overdue = any(now - since >= patience_seconds for since, _ in self.gathered.values())
        due = [role for role, (_, batch) in self.gathered.items() if overdue or len(batch.offsets) >= enough]
        return [(role, self.gathered.pop(role)[1]) for role in due]

    def read(self, role: str, batch: RawBatch, now: float) -> list[DeadLetter]:
        """Count a batch; returns what could not be read."""
        self.quiet_since_ms = None
        if role != PREDICTIONS:
            return self.core.labels(batch)
        self.stash.append(batch)
        return self.go_on(now) if len(self.stash) == 1 else []

    def go_on(self, now: float) -> list[DeadLetter]:
        """Count what waits for a model's grids, as far as they have come; returns what could not be read.

        A model is waited for `learn_wait_seconds` after its sample was complete. Where event time runs with the clock
        that was a day before its grids are due, so only a fast replay ever waits.
        """
        core = self.core
        letters: list[DeadLetter] = []
        while self.stash:
            core.impatient = frozenset(m for m, at in self.asked_at.items() if now - at >= self.learn_wait_seconds)
            letters += core.predictions(self.stash[0])
            self.asked_at = {m: self.asked_at.get(m, now) for m in core.learning.asked(core.progress.predictions_ms)}
            if core.awaited:
                self.stash[0] = self.stash[0].since(core.offsets.get(PREDICTIONS))
                break
            del self.stash[0]
        return letters

    def due(self, now: float, cadence: Cadence, shards: int) -> bool:
        """Whether it is time for a checkpoint: often, but not at more than a share of the thread's time.

        `shards` of about this one's cost take that time together.
        """
        waited = now - self.checkpointed_at
        if self.pending is not None:
            return waited >= cadence.closing_seconds
        interval = max(cadence.checkpoint_seconds, self.seconds * shards / cadence.max_checkpoint_share)
        if waited >= min(interval, cadence.max_checkpoint_seconds):
            return True
        return waited >= cadence.closing_seconds and self.checkpoints.closing()

    def checkpoint(self, now: float) -> Publication | Fenced | Stale | None:
        """Write what changed; returns what may be published now, or how the shard was lost.

        Raises
        ------
        StoreUnavailableError
            Redis is away: nothing is lost, call again.
        """
        started = time.perf_counter()
        self.checkpointed_at = now
        if self.pending is None:
            self.pending = self.checkpoints.take(int(now * MS))
        if self.pending is None:
            return None
        outcome = self.runner.commit(self.pending.delta)
        checkpoint, self.pending = self.pending, None
        self.seconds = time.perf_counter() - started
        self.bytes = checkpoint.delta.size_bytes
        return self.checkpoints.landed(checkpoint, outcome.seq) if isinstance(outcome, Landed) else outcome


class Keeper:
    """Takes shards over, from Redis or from what was parked here a moment ago.

    Parameters
    ----------
    client
        Redis, with bytes not decoded.
    prefix
        Names the installation's keys.
    cadence
        Rules of the wall clock.
    heritage
        Judges what is found.
    """

    def __init__(self, client: Client, prefix: str, cadence: Cadence, heritage: Heritage) -> None:
        self._client, self._prefix, self._cadence, self._heritage = client, prefix, cadence, heritage
        self._retry = RetryPolicy(deadline_seconds=cadence.store_deadline_seconds)
        self._parked: dict[int, tuple[float, Owned]] = {}

    def take_over(self, shard: int, now: float) -> Owned:
        """Make this worker the shard's owner; raises as `Heritage.take_over`."""
        _, parked = self._parked.pop(shard, (0.0, None))
        if parked is not None:
            return self._owned(parked.runner, self._heritage.take_over(parked.runner, parked.checkpoints), now)
        runner = SyncRunner(self._client, ShardName(self._prefix, "profiler", shard), retry=self._retry)
        return self._owned(runner, self._heritage.take_over(runner), now)

    def park(self, owned: Owned, now: float) -> None:
        """Keep a revoked shard's memory for a while: the next assignment often brings it back."""
        owned.gathered.clear()  # not counted: the consumer starts again where the state stands
        self._parked[owned.shard] = (now, owned)

    def forget_old(self, now: float) -> None:
        """Give up what was parked too long."""
        limit = now - self._cadence.park_seconds
        self._parked = {shard: entry for shard, entry in self._parked.items() if entry[0] >= limit}

    def _owned(self, runner: SyncRunner, checkpoints: Checkpoints, now: float) -> Owned:
        return Owned(runner, checkpoints, self._cadence.learn_wait_seconds, checkpointed_at=now)
