"""Drive the protocol with redis.asyncio: for the monitor's event loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

from redis import exceptions

from stream.checkpoint.attempts import Attempts
from stream.checkpoint.names import ShardName
from stream.checkpoint.protocol import Ownership
from stream.checkpoint.requests import Client, Read, Reply, Request
from stream.checkpoint.retry import RetryPolicy
from stream.checkpoint.values import Delta, Loaded, Outcome, Resumed

T = TypeVar("T")


class AsyncRunner:
    """Checkpoints of one shard, by one owner; one call at a time.

    Parameters and methods are those of `SyncRunner`, awaited.
    """

    def __init__(
        self,
        client: Client,
        shard: ShardName,
        *,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
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
    def seq(self) -> int:
        """Seq of the last checkpoint that landed."""
        return self.ownership.seq

    async def take_over(self) -> Loaded:
        """Fence all older owners and load; see `Ownership.take_over`. StoreUnavailableError: nothing is owned."""
        return await self._drive(self.ownership.take_over())

    async def retake(self) -> Loaded | Resumed:
        """Take over again, keeping what is in memory if nobody else was there; see `Ownership.retake`."""
        return await self._drive(self.ownership.retake())

    async def forget(self) -> None:
        """Drop the whole state because a person asked for it; see `Ownership.forget`."""
        await self._drive(self.ownership.forget())

    async def commit(self, delta: Delta) -> Outcome:
        """Write `delta`, whole or not at all.

        Raises
        ------
        StoreUnavailableError
            No answer in time. Keep the delta and commit the very same object again later: it lands once.
        OwnershipError
            See `Ownership.commit`.
        """
        return await self._drive(self.ownership.commit(delta))

    async def _drive(self, steps: Generator[Request, Reply, T]) -> T:
        reply: Reply = None
        while True:
            try:
                request = steps.send(reply)
            except StopIteration as end:
                value: T = end.value
                return value
            reply = await self._ask(request)

    async def _ask(self, request: Request) -> Reply:
        attempts = Attempts(self._retry, self._clock)
        while True:
            try:
                return await self._execute(request)
            except (exceptions.RedisError, OSError) as error:
                await self._sleep(attempts.pause_after(error))

    async def _execute(self, request: Request) -> Reply:
        if isinstance(request, Read):
            return await self._client.execute_command(*request.args)
        try:
            return await self._client.execute_command(*request.by_sha)
        except exceptions.NoScriptError:
            return await self._client.execute_command(*request.by_text)
