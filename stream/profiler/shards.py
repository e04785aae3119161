"""All shards of this worker: taking over, checkpointing, publishing, and giving back."""

import logging
from collections.abc import Callable, Collection, Mapping

from stream.checkpoint import StoreUnavailableError, TakenOverError
from stream.checkpoint.values import Fenced, Stale
from stream.model.catalog import Catalog
from stream.profiler.checkpoints import Publication
from stream.profiler.config import Cadence
from stream.profiler.dead_letters import DeadLetters
from stream.profiler.owned import Keeper, Owned
from stream.profiler.publisher import Publisher
from stream.profiler.shard import ShardCore
from stream.profiler.status import Totals

_LOG = logging.getLogger(__name__)
REJOIN_SECONDS = 6.0
"""Fenced while still assigned: a rebalance is on its way, or Redis lost our takeover; after this we take over anew."""

STORE_PAUSE_SECONDS = 0.5


class Shards:
    """What this worker owns, and what it waits to own.

    Parameters
    ----------
    keeper, publisher, dead_letters
        The parts it plays together.
    cadence
        How often what happens.
    totals
        Where it counts.
    beat
        Called before each takeover: many large shards take longer than one turn should.
    tell_switches
        Told what a shard that was taken over, or written, did about definitions.
    """

    def __init__(
        self,
        keeper: Keeper,
        publisher: Publisher,
        dead_letters: DeadLetters,
        cadence: Cadence,
        totals: Totals,
        beat: Callable[[], None] = lambda: None,
        tell_switches: Callable[[ShardCore], None] = lambda _: None,
    ) -> None:
        self._beat, self._tell_switches = beat, tell_switches
        self._keeper, self._publisher, self._dead_letters = keeper, publisher, dead_letters
        self._cadence, self._totals = cadence, totals
        self._store_again = float("-inf")
        self.owned: dict[int, Owned] = {}
        self.waiting: dict[int, float] = {}
        """Shards that are assigned to us but not taken over: when to try."""

    @property
    def store_away(self) -> bool:
        """Whether Redis holds us up: a checkpoint is in doubt."""
        return any(owned.pending is not None for owned in self.owned.values())

    @property
    def offsets(self) -> dict[int, Mapping[str, int]]:
        """Next offsets of every owned shard."""
        return {shard: dict(owned.core.offsets) for shard, owned in self.owned.items()}

    def assigned(self, shards: list[int], now: float) -> None:
        """Kafka gave us shards: take over what can be taken over now.

        Of these alone: the consumer is told to read what is new to it, and would never start with another.
        """
        self.waiting.update(dict.fromkeys(shards, now))
        self.take_over(now, shards)

    def take_over(self, now: float, among: Collection[int] | None = None) -> dict[int, Mapping[str, int]]:
        """Take over what waits and is due (`among` some, or all); returns the next offsets of what was taken."""
        taken: dict[int, Mapping[str, int]] = {}
        for shard in [s for s, at in self.waiting.items() if at <= now and (among is None or s in among)]:
            self._beat()
            try:
                owned = self._keeper.take_over(shard, now)
            except (StoreUnavailableError, TakenOverError) as error:
                _LOG.warning("shard %d cannot be taken over now: %s", shard, error)
                self._totals.store_failures += 1
                self.waiting.update((s, now + STORE_PAUSE_SECONDS) for s, at in self.waiting.items() if at <= now)
                break
            del self.waiting[shard]
            self.owned[shard] = owned
            self._totals.takeovers += 1
            self._publisher.publish(owned.checkpoints.republish())
            self._tell_switches(owned.core)
            taken[shard] = dict(owned.core.offsets)
        return taken

    def revoked(self, shards: list[int], *, lost: bool, now: float) -> None:
        """Kafka took shards away: write what we have, and keep the memory a while in case they come back."""
        if not lost:
            self.checkpoint(now, [shard for shard in shards if shard in self.owned])
        for shard in shards:
            self.waiting.pop(shard, None)
            owned = self.owned.pop(shard, None)
            self._publisher.drop(shard)
            if owned is not None and not lost and owned.written:
                self._keeper.park(owned, now)

    def checkpoint(self, now: float, shards: list[int] | None = None) -> None:
        """Checkpoint the given shards, or those that are due; dead letters are acknowledged first."""
        if shards is None:
            due = [shard for shard, owned in self.owned.items() if owned.due(now, self._cadence, len(self.owned))]
        else:
            due = shards
        if not due or now < self._store_again:
            return
        if not self._dead_letters.settle(self._cadence.store_deadline_seconds):
            return  # the offset must not move past a letter that may be lost; the next round tries again
        for shard in due:
            try:
                outcome = self.owned[shard].checkpoint(now)
            except StoreUnavailableError as error:
                _LOG.warning("shard %d waits: %s", shard, error)
                self._totals.store_failures += 1
                self._store_again = now + STORE_PAUSE_SECONDS
                return
            self._settle(shard, outcome, now)

    def step(self, now: float) -> None:
        """Publish, and note what was delivered."""
        for publication in self._publisher.step(now):
            owned = self.owned.get(publication.shard)
            if owned is not None:
                owned.checkpoints.delivered(publication.profiles, publication.seq)
        self._keeper.forget_old(now)

    def set_catalog(self, catalog: Catalog) -> None:
        """Go on under new definitions."""
        for owned in self.owned.values():
            owned.core.set_catalog(catalog)

    def tick(self, wall_ms: int, quiet: Callable[[Owned], bool]) -> None:
        """Let silence pass for shards that are at the end of both logs."""
        for owned in self.owned.values():
            if not quiet(owned):
                owned.quiet_since_ms = None
            elif owned.quiet_since_ms is None:
                owned.quiet_since_ms = wall_ms
            if owned.pending is None:
                owned.core.tick(wall_ms, owned.quiet_since_ms)

    def _settle(self, shard: int, outcome: Publication | Fenced | Stale | None, now: float) -> None:
        if outcome is None:
            return
        if isinstance(outcome, Publication):
            self._totals.checkpoints += 1
            self._totals.checkpoint_seconds += self.owned[shard].seconds
            self._totals.checkpoint_bytes += self.owned[shard].bytes
            self._publisher.publish(outcome)
            self._tell_switches(self.owned[shard].core)
            return
        _LOG.warning("shard %d was lost: %s", shard, outcome)
        self._totals.fenced += 1
        del self.owned[shard]
        self._publisher.drop(shard)
        self.waiting[shard] = now + (REJOIN_SECONDS if isinstance(outcome, Fenced) else 0.0)
