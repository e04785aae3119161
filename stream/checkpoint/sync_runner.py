"""Drive the protocol with redis-py, blocking: for the profiler's thread."""

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from redis import exceptions

from stream.checkpoint.attempts import Attempts
from stream.checkpoint.names import ShardName
from stream.checkpoint.protocol import Ownership
from stream.checkpoint.requests import Client, Read, Reply, Request
from stream.checkpoint.retry import RetryPolicy
from stream.checkpoint.values import Delta, Loaded, Outcome, Resumed

T = TypeVar("T")


class SyncRunner:
    """Checkpoints of one shard, by one owner; for one thread.

    Parameters
    ----------
    client : redis.Redis
        From `connect`: bytes, and no retries of its own; a cluster client made so will do.
    shard : ShardName
        Whose state it is.
    retry : RetryPolicy
        How long to insist before StoreUnavailableError.
    sleep, clock : callable
        Injected by tests.
    """

    def __init__(
        self,
        client: Client,
        shard: ShardName,
        *,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ownership = Ownership(shard)
        self._client = client
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._clock = clock

    @property
    def shard(self) -> ShardName:
        """Whose state it is."""
        return self.ownership.shard

    @property
    def epoch(self) -> int:
        """Epoch of the last takeover; OwnershipError before the first."""
        return self.ownership.epoch

    @property
    def before(self) -> int:
        """Epoch that the last takeover ended; 0 when the store knew of none."""
        return self.ownership.before

    @property
    def seq(self) -> int:
        """Seq of the last checkpoint that landed."""
        return self.ownership.seq

    def take_over(self, above: int = 0) -> Loaded:
        """Fence all older owners and load; see `Ownership.take_over`. StoreUnavailableError: nothing is owned."""
        return self._drive(self.ownership.take_over(above))

    def retake(self) -> Loaded | Resumed:
        """Take over again, keeping what is in memory if nobody else was there; see `Ownership.retake`."""
        return self._drive(self.ownership.retake())

    def forget(self) -> None:
        """Drop the whole state because a person asked for it; see `Ownership.forget`."""
        self._drive(self.ownership.forget())

    def commit(self, delta: Delta) -> Outcome:
        """Write `delta`, whole or not at all.

        Raises
        ------
        StoreUnavailableError
            No answer in time. Keep the delta and commit the very same object again later: it lands once.
        OwnershipError
            See `Ownership.commit`.
        """
        return self._drive(self.ownership.commit(delta))

    def _drive(self, steps: Generator[Request, Reply, T]) -> T:
        reply: Reply = None
        while True:
            try:
                request = steps.send(reply)
            except StopIteration as end:
                value: T = end.value
                return value
            reply = self._ask(request)

    def _ask(self, request: Request) -> Reply:
        attempts = Attempts(self._retry, self._clock)
        while True:
            try:
                return self._execute(request)
            except (exceptions.RedisError, OSError) as error:
                self._sleep(attempts.pause_after(error))

    def _execute(self, request: Request) -> Reply:
        if isinstance(request, Read):
            return self._client.execute_command(*request.args)
        try:
            return self._client.execute_command(*request.by_sha)
        except exceptions.NoScriptError:
            return self._client.execute_command(*request.by_text)
