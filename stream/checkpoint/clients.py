"""Redis clients as the runners want them: bytes, short timeouts, no retries of their own.

redis-py repeats failed commands by itself, for half a minute with its defaults: the runners' deadline would mean
nothing. They repeat, and they know what may be repeated.
"""

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 2.0


def connect(url: str) -> redis.Redis:
    """Make a client for `SyncRunner`; nothing is sent yet. Raises ValueError for a malformed URL."""
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_options())


def connect_async(url: str) -> redis.asyncio.Redis:
    """Make a client for `AsyncRunner`; nothing is sent yet. Raises ValueError for a malformed URL."""
    return redis.asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_options())


def _options() -> dict[str, Any]:
    return {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS, "decode_responses": False}
