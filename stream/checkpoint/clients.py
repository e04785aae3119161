"""Redis clients as the runners want them: bytes, short timeouts, no retries of their own.

redis-py repeats failed commands by itself, for half a minute with its defaults: the runners' deadline would mean
nothing. They repeat, and they know what may be repeated. What redis-py still does by itself is to follow a cluster's
redirections (MOVED, ASK) and to ask the Sentinels anew for each connection.
"""

from typing import Any, Protocol

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from stream.checkpoint.address import StoreAddress, parse_address
from stream.checkpoint.indirect import AsyncClusterStore, AsyncSentinelStore, ClusterStore, SentinelStore
from stream.checkpoint.single import AsyncServer, Server

TIMEOUT_SECONDS = 2.0
SENTINEL_TIMEOUT_SECONDS = 0.5
"""Sentinels are asked one after the other; one that hangs must not use up what an attempt may take."""


class Store(Protocol):
    """A blocking client of any kind of store."""

    def execute_command(self, *args: Any) -> Any:
        """Send a command to where its keys are; bytes are not decoded in its reply."""

    def close(self) -> None:
        """Close all connections."""


class AsyncStore(Protocol):
    """The same for an event loop."""

    async def execute_command(self, *args: Any) -> Any:
        """Send a command to where its keys are; bytes are not decoded in its reply."""

    async def aclose(self) -> None:
        """Close all connections."""


def connect(url: str) -> Store:
    """Make a client for `SyncRunner`; nothing is sent yet. Raises ValueError for a malformed URL."""
    address = parse_address(url)
    options = {**_options(), "retry": Retry(NoBackoff(), 0)}
    match address.kind:
        case "cluster":
            nodes = [ClusterNode(host, port) for host, port in address.hosts]
            return ClusterStore(lambda: redis.RedisCluster(startup_nodes=nodes, **_cluster(address), **options))
        case "sentinel":
            return SentinelStore(redis.sentinel.Sentinel(**_sentinel(address, Retry), **options), address.service)
        case "single":
            return Server.from_url(url, **options)


def connect_async(url: str) -> AsyncStore:
    """Make a client for `AsyncRunner`; nothing is sent yet. Raises ValueError for a malformed URL."""
    address = parse_address(url)
    options = {**_options(), "retry": AsyncRetry(NoBackoff(), 0)}
    match address.kind:
        case "cluster":
            hosts = [redis.asyncio.cluster.ClusterNode(host, port) for host, port in address.hosts]
            return AsyncClusterStore(
                lambda: redis.asyncio.RedisCluster(startup_nodes=hosts, **_cluster(address), **options)
            )
        case "sentinel":
            sentinel = redis.asyncio.sentinel.Sentinel(**_sentinel(address, AsyncRetry), **options)
            return AsyncSentinelStore(sentinel, address.service)
        case "single":
            return AsyncServer.from_url(url, **options)


def _options() -> dict[str, Any]:
    return {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS, "decode_responses": False}


def _cluster(address: StoreAddress) -> dict[str, Any]:
    return {key: value for key, value in address.options.items() if key not in {"host", "port", "db"}}


def _sentinel(address: StoreAddress, retry: type[Retry] | type[AsyncRetry]) -> dict[str, Any]:
    """Arguments of a Sentinel client; TLS as for the store, user and password of its own."""
    security = {key: value for key, value in address.options.items() if key.startswith("ssl")}
    timeouts = {"socket_timeout": SENTINEL_TIMEOUT_SECONDS, "socket_connect_timeout": SENTINEL_TIMEOUT_SECONDS}
    sentinels = {**security, **timeouts, **address.sentinel_options, "retry": retry(NoBackoff(), 0)}
    own = {key: value for key, value in address.options.items() if key not in {"host", "port"}}
    return {"sentinels": list(address.hosts), "sentinel_kwargs": sentinels, **own}
