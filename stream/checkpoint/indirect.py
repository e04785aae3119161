"""Stores that are more than one server, behind the face of one: execute a command, close.

redis-py's cluster client connects when it is made, forgets the addresses it was given for those it found, and raises
errors that are no RedisError when no node answers. Here it is made by the first command, made anew from the addresses
of the settings after such an error, and the error is a ConnectionError: the runners try again, as with one server.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.exceptions import AuthenticationError, ConnectionError, RedisClusterException, RedisError  # noqa: A004
from redis.sentinel import MasterNotFoundError

from stream.checkpoint.single import AsyncServer, Server


class ClusterStore:
    """A Redis Cluster; for one thread.

    Parameters
    ----------
    make
        Makes redis-py's client, which connects at once.
    """

    def __init__(self, make: Callable[[], redis.RedisCluster]) -> None:
        self._make = make
        self._client: redis.RedisCluster | None = None

    def execute_command(self, *args: Any) -> Any:
        """Send a command to the node that has its keys, wherever redirections lead."""
        client = self.client
        try:
            return client.execute_command(*args)
        except RedisClusterException as error:
            self.close()
            raise _translate(error) from error

    @property
    def client(self) -> redis.RedisCluster:
        """Redis-py's own client; made now if there is none. Raises ConnectionError when no node answers."""
        if self._client is None:
            try:
                self._client = self._make()
            except RedisClusterException as error:
                raise _translate(error) from error
        return self._client

    def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


class AsyncClusterStore:
    """A Redis Cluster, for an event loop.

    Parameters
    ----------
    make
        Makes redis-py's client, which connects at its first command.
    """

    def __init__(self, make: Callable[[], redis.asyncio.RedisCluster]) -> None:
        self._make = make
        self._client: redis.asyncio.RedisCluster | None = None

    async def execute_command(self, *args: Any) -> Any:
        """Send a command to the node that has its keys, wherever redirections lead."""
        client = self._client = self._client or self._make()
        try:
            return await client.execute_command(*args)
        except AttributeError as error:
            # Of two tasks at one connection of redis-py's, one may close it while the other is opening it.
            raise ConnectionError(f"redis-py's connection was closed while it was opened: {error}") from error
        except RedisClusterException as error:
            if self._client is client:  # not replaced already by another task of this loop
                self._client = None
                await client.aclose()
            raise _translate(error) from error

    async def aclose(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class SentinelStore:
    """The master of a service, as the Sentinels name it at the moment a connection is made."""

    def __init__(self, sentinel: redis.sentinel.Sentinel, service: str) -> None:
        self._sentinel, self._service = sentinel, service
        self.client: redis.Redis = sentinel.master_for(service, redis_class=Server)

    def execute_command(self, *args: Any) -> Any:
        """Send a command to the master."""
        try:
            return self.client.execute_command(*args)
        except MasterNotFoundError:
            raise _no_master(self._service, len(self._sentinel.sentinels)) from None

    def close(self) -> None:
        """Close all connections, those to the Sentinels too."""
        self.client.close()
        for sentinel in self._sentinel.sentinels:
            sentinel.close()


class AsyncSentinelStore:
    """The same, for an event loop."""

    def __init__(self, sentinel: redis.asyncio.sentinel.Sentinel, service: str) -> None:
        self._sentinel, self._service = sentinel, service
        self._client: redis.asyncio.Redis = sentinel.master_for(service, redis_class=AsyncServer)

    async def execute_command(self, *args: Any) -> Any:
        """Send a command to the master."""
        try:
            return await self._client.execute_command(*args)
        except MasterNotFoundError:
            raise _no_master(self._service, len(self._sentinel.sentinels)) from None

    async def aclose(self) -> None:
        """Close all connections, those to the Sentinels too."""
        await self._client.aclose()
        await asyncio.gather(*(sentinel.aclose() for sentinel in self._sentinel.sentinels))


def _translate(error: RedisClusterException) -> RedisError:
    """Return the refusal that is behind it, or the fault of a connection."""
    cause = error.__cause__
    return cause if isinstance(cause, AuthenticationError) else ConnectionError(str(error))


def _no_master(service: str, sentinels: int) -> ConnectionError:
    """Say so in a line: redis-py prints its clients with all their settings, in some versions passwords too."""
    return ConnectionError(f"none of {sentinels} Sentinels that were asked names a master called {service!r}")
