"""Where faults happen, and what they note for the checks."""

import random
import signal
import threading
import time
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from load.chaos.installation import PARTITIONS, Installation, Worker
from load.chaos.servers import Servers
from stream.checkpoint import ShardName

SESSION_SECONDS = 6.0


@dataclass
class Scene:
    """One run as the faults see it.

    Attributes
    ----------
    excused
        From when until when (monotonic seconds) nobody can expect a shard to move.
    kills
        When a worker was killed.
    zombies
        Workers that were stopped for longer than their session, and must be refused when they go on.
    """

    servers: Servers
    installation: Installation
    rng: random.Random
    base_ms: int
    started: float
    speed: float
    excused: list[tuple[float, float]] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    zombies: list[Worker] = field(default_factory=list)
    applying: threading.Lock = field(default_factory=threading.Lock)

    @property
    def event_ms(self) -> int:
        """Event time that the services have come to, at most."""
        return self.base_ms + int((time.monotonic() - self.started) * self.speed * 1_000)

    def excuse(self, since: float, after_seconds: float = 0.0) -> None:
        """Note that from `since` until now, and a while after, shards may stand still."""
        self.excused.append((since, time.monotonic() + after_seconds))

    def victim(self) -> Worker | None:
        """Choose a worker that lives and has no trap of its own."""
        alive = [worker for worker in self.installation.alive() if worker.trap is None]
        return self.rng.choice(alive) if alive else None

    def trapped(self) -> Worker | None:
        """Return the worker with a trap, if it lives."""
        return next((worker for worker in self.installation.alive() if worker.trap is not None), None)

    def epochs(self) -> dict[int, bytes | None]:
        """Return the epoch of each profiler's shard, as far as the store tells now."""
        shards = {n: ShardName(self.installation.prefix, "profiler", n) for n in range(PARTITIONS)}
        try:
            with self.servers.direct() as client:
                return {n: client.hget(shard.meta, "epoch") for n, shard in shards.items()}
        except RedisError:
            return {}

    def disturbed(self, at: float) -> bool:
        """Whether anything else went wrong around a kill, so that its take-over says nothing about take-overs."""
        around = (at, at + 1.5 * SESSION_SECONDS)
        return sum(first < around[1] and last > around[0] for first, last in self.excused) > 1

    def kill(self, worker: Worker) -> None:
        """Kill -9; its shards are missed when the session has ended."""
        now = time.monotonic()
        self.kills.append(now)
        worker.end(signal.SIGKILL)
        self.excused.append((now, now + SESSION_SECONDS))
