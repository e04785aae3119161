"""The incoming side of Kafka: a group that moves shards between workers, and the consumer of each."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulation.broker import Io
from simulation.faults import Faults, InvariantError
from simulation.logs import Log
from stream.profiler.messages import RawBatch

Logs = dict[int, dict[str, Log]]
Offsets = Mapping[str, int]
ROLES = ("predictions", "labels")


@dataclass
class Group:
    """Who must give back which shards, and who gets which once all have; `eager`: everything goes back each time."""

    eager: bool
    revoking: dict[str, list[int]] = field(default_factory=dict)
    coming: dict[str, list[int]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    """Members that were given up by the group and have not heard of it."""
    asleep: set[str] = field(default_factory=set)
    """Those of them that will not hear of it yet."""

    committed: dict[tuple[str, int], int] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    """Of the owner who committed last, by shard."""

    def rebalance(self, held: dict[str, list[int]], plan: dict[str, list[int]], sleepers: set[str]) -> None:
        """Move from what members hold to `plan`; `sleepers` are given up without notice, and not in the plan."""
        self.lost |= sleepers
        self.asleep |= sleepers
        self.revoking, self.coming = {}, {}
        for member, shards in plan.items():
            going = [s for s in held[member] if self.eager or s not in shards]
            if going:
                self.revoking[member] = going
            self.coming[member] = [s for s in shards if self.eager or s not in held[member]]

    def leave(self, member: str) -> None:
        """Forget a member."""
        self.revoking.pop(member, None)
        self.coming.pop(member, None)
        self.lost.discard(member)
        self.asleep.discard(member)


class SimInputs:
    """The consumer, as `stream.profiler.inputs.Inputs` behaves."""

    def __init__(
        self,
        member: str,
        group: Group,
        logs: Logs,
        rng: random.Random,
        io: Io,
        faults: Callable[[], Faults],
        on_assign: Callable[[list[int]], Mapping[int, Offsets]],
        on_revoke: Callable[[list[int], bool], None],
    ) -> None:
        self._member, self._group, self._logs, self._rng, self._io = member, group, logs, rng, io
        self._faults, self._on_assign, self._on_revoke = faults, on_assign, on_revoke
        self.assigned: list[int] = []
        self._running: dict[int, Offsets] = {}
        self._at: dict[tuple[str, int], int] = {}
        self._paused: set[tuple[str, int]] = set()

    def read(self, count: int, _seconds: float) -> dict[tuple[str, int], RawBatch]:
        self._io("read")
        self._follow_group()
        batches: dict[tuple[str, int], RawBatch] = {}
        places = sorted(self._at.keys() - self._paused)
        for place in self._rng.sample(places, self._rng.randrange(len(places) + 1)):
            if self._rng.random() < self._faults().reads_again:
                self._at[place] = max(self._at[place] - 2, 0)
            role, shard = place
            batch = self._logs[shard][role].since(self._at[place], self._rng.randrange(1, max(count, 1) + 1))
            count -= len(batch.offsets)
            if batch.offsets:
                self._at[place] = batch.offsets[-1] + 1
                batches[place] = batch
        return batches

    def start(self, offsets: Mapping[int, Offsets]) -> None:
        self._running.update(offsets)
        # An eager consumer is given its whole assignment anew: all of it goes on where it was last said to.
        for shard, next_offsets in (self._running if self._group.eager else offsets).items():
            for role in ROLES:
                at = next_offsets.get(role, 0)
                if at > self._logs[shard][role].end:
                    raise InvariantError(f"shard {shard} starts behind the end of {role}")
                self._at[role, shard] = at
        self._paused = {place for place in self._paused if place[1] not in offsets}

    def read_until(self, offsets: Mapping[int, Offsets]) -> None:
        self._running.update((shard, o) for shard, o in offsets.items() if shard in self._running)

    def hold(self, wanted: set[tuple[str, int]]) -> None:
        self._paused = {place for place in wanted if place[1] in self._running}

    def unread(self, role: str, shard: int, next_offset: int | None) -> int | None:
        return max(self._logs[shard][role].end - (next_offset or 0), 0)

    def caught_up(self, role: str, shard: int, next_offset: int | None) -> bool:
        return self.unread(role, shard, next_offset) == 0

    def commit(self, offsets: Mapping[int, Offsets], epochs: Mapping[int, int]) -> None:
        self._io("commit")
        if self._member in self._group.lost:
            return  # of an old generation: refused
        for shard, next_offsets in offsets.items():
            self._group.epochs[shard] = epochs[shard]
            for role, offset in next_offsets.items():
                self._group.committed[role, shard] = offset

    def close(self) -> None:
        self._revoke(list(self.assigned), lost=False)
        self._group.leave(self._member)

    def _follow_group(self) -> None:
        group, me = self._group, self._member
        if me in group.lost:
            if me in group.asleep:
                return
            group.lost.discard(me)
            self._revoke(list(self.assigned), lost=True)
        if me in group.revoking:
            self._revoke(group.revoking.pop(me), lost=False)
        if not group.revoking and me in group.coming:
            self._assign(group.coming.pop(me))

    def _assign(self, shards: list[int]) -> None:
        if self._group.eager:
            self._running, self._at, self._paused = {}, {}, set()
        self.assigned = sorted({*self.assigned, *shards})
        self.start(self._on_assign(shards))

    def _revoke(self, shards: list[int], *, lost: bool) -> None:
        self._on_revoke(shards, lost)
        for shard in shards:
            self._running.pop(shard, None)
            for role in ROLES:
                self._at.pop((role, shard), None)
        self.assigned = [shard for shard in self.assigned if shard not in shards]
