"""Clients of one address, behind which another server may be the master after a failover (a proxy, a name, a service).

Connections that were open stay with the old master, which refuses what is written: they are closed then, so that the
next attempt finds the new one.
"""

from typing import Any

import redis
import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from stream.checkpoint.retry import refusal_code


class Server(redis.Redis):
    """A blocking client."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command; a connection to what is no master any more is closed."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # untyped there
        except ResponseError as error:
            if _demoted(error):
                self.connection_pool.disconnect(inuse_connections=False)
            raise


class AsyncServer(redis.asyncio.Redis):
    """The same, for an event loop."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command; a connection to what is no master any more is closed."""
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # untyped there
        except ResponseError as error:
            if _demoted(error):
                await self.connection_pool.disconnect(inuse_connections=False)
            raise


def _demoted(error: RedisError) -> bool:
    return refusal_code(error) == "READONLY"
