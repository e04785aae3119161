"""Watching the store while things go wrong: every shard's epoch, seq and offsets, some ten times a second.

From what it saw follow three checks that cannot be made afterwards: offsets never go back within an epoch, no shard
stands still for long while there is something to read, and how soon a killed worker's shards have another owner.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from confluent_kafka import KafkaException
from redis.exceptions import RedisError

from load.chaos.servers import Servers
from load.chaos.topics import Ends
from stream.checkpoint import ShardName
from stream.kafka.topics import TopicNames

LOOK_SECONDS = 0.1
ENDS_SECONDS = 1.0


@dataclass(frozen=True)
class Seen:
    """One shard at one moment (monotonic seconds); `generation` counts the store's failovers."""

    at: float
    generation: int
    epoch: int
    seq: int
    offsets: Mapping[str, int]


@dataclass
class Watch:
    """A thread that looks; start it, stop it, then ask.

    Parameters
    ----------
    servers, prefix
        Whose store and log.
    partitions, profile_partitions
        How many shards each stage has.
    """

    servers: Servers
    prefix: str
    partitions: int
    profile_partitions: int
    seen: dict[tuple[str, int], list[Seen]] = field(default_factory=dict)
    ends: list[tuple[float, dict[tuple[str, int], int]]] = field(default_factory=list)
    _ask: Ends | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to look."""
        for look, seconds in ((self._look, LOOK_SECONDS), (self._look_at_ends, ENDS_SECONDS)):
            thread = threading.Thread(target=self._repeat, args=(look, seconds), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def newest(self, kind: str, shard: int) -> Seen | None:
        """Return what was seen last of a shard."""
        seen = self.seen.get((kind, shard))
        return seen[-1] if seen else None

    def steps_back(self) -> list[str]:
        """Say where an offset went back although epoch and store were the same."""
        return [
            f"{kind} {shard}: {name} went from {before.offsets[name]} back to {after.offsets.get(name)} in one epoch"
            for (kind, shard), seen in self.seen.items()
            for before, after in pairwise(seen)
            if (before.generation, before.epoch) == (after.generation, after.epoch)
            for name in before.offsets
            if after.offsets.get(name, -1) < before.offsets[name]
        ]

    def longest_stall(self, excused: list[tuple[float, float]]) -> tuple[float, str]:
        """Return for how long a shard had something to read and did not move, and which; faults are excused."""
        worst = (0.0, "none")
        for shard in range(self.partitions):
            since = None
            for at, behind in self._behind(shard):
                if not behind:
                    since = None
                    continue
                since = at if since is None else since
                stalled = _outside(since, at, excused)
                if stalled > worst[0]:
                    worst = (stalled, f"shard {shard}")
        return worst

    def taken_over(self, after: float, shards: list[int]) -> float | None:
        """Return when the last of these profiler's shards had a new epoch after a moment; None if one never had."""
        moments = [self._next_epoch(shard, after) for shard in shards]
        known = [moment for moment in moments if moment is not None]
        return max(known) if known and len(known) == len(moments) else None

    def _next_epoch(self, shard: int, after: float) -> float | None:
        seen = self.seen.get(("profiler", shard), [])
        before = max((s.epoch for s in seen if s.at <= after), default=0)
        return next((s.at for s in seen if s.at > after and s.epoch != before), None)

    def _behind(self, shard: int) -> Iterator[tuple[float, bool]]:
        """Yield, look by look, whether the shard has something to read and did not move since the look before."""
        ends = iter(self.ends)
        known: dict[tuple[str, int], int] = {}
        upcoming = next(ends, None)
        for before, after in pairwise(self.seen.get(("profiler", shard), [])):
            while upcoming is not None and upcoming[0] <= after.at:
                known, upcoming = upcoming[1], next(ends, None)
            unread = any(after.offsets.get(r, 0) < known.get((r, shard), 0) for r in ("predictions", "labels"))
            yield after.at, unread and dict(before.offsets) == dict(after.offsets)

    def _repeat(self, look: Callable[[], None], seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                look()
            except (RedisError, OSError, KafkaException):
                continue  # the server is away: that is what the run is about

    def _look(self) -> None:
        generation = self.servers.store_generation
        shards = [("profiler", n) for n in range(self.partitions)]
        shards += [("monitor", n) for n in range(self.profile_partitions)]
        with self.servers.direct() as client:
            pipeline = client.pipeline(transaction=False)
            for kind, number in shards:
                pipeline.hgetall(ShardName(self.prefix, kind, number).meta)  # type: ignore[arg-type]
            found = pipeline.execute()
        if generation != self.servers.store_generation:
            return  # a failover in between: which store answered is not known
        for name, meta in zip(shards, found, strict=True):
            if meta:
                offsets = {k[7:].decode(): int(v) for k, v in meta.items() if k.startswith(b"offset:")}
                seen = Seen(time.monotonic(), generation, int(meta[b"epoch"]), int(meta[b"seq"]), offsets)
                self.seen.setdefault(name, []).append(seen)

    def _look_at_ends(self) -> None:
        if self._ask is None:
            self._ask = Ends(self.servers.kafka.bootstrap, TopicNames(self.prefix))
        self.ends.append((time.monotonic(), self._ask()))


def _outside(start: float, end: float, excused: list[tuple[float, float]]) -> float:
    """Return the longest stretch of [start, end] that no excuse covers."""
    longest, at = 0.0, start
    for first, last in sorted(excused):
        if last <= at or first >= end:
            continue
        longest = max(longest, first - at)
        at = max(at, last)
    return max(longest, end - at)
