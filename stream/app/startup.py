"""Before a worker starts: its web port is its own, its servers answer, its topics are there.

Once it runs, a server that goes away is waited for; one that was never there is most often a wrong address, and the
process that says so and ends is the one that gets mended.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from confluent_kafka.admin import AdminClient
from redis.exceptions import RedisError

from stream.config import Settings, WebSettings
from stream.errors import ConfigurationError, UnreachableError
from stream.kafka.clients import make_admin
from stream.kafka.settings import monitor_client
from stream.kafka.topics import TopicNames, list_partitions, require_topics
from stream.store.reach import require_store, warn_of_settings

_LOG: Final = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 10.0
"""How long a server may take: all containers of an installation start at once."""

PORTS_TRIED: Final = 32
"""Workers that one machine may run with the default port."""

ATTEMPT_SECONDS: Final = 1.0
"""One question to Kafka cannot be broken off, and SIGTERM must not wait for it."""


async def ready(settings: Settings, stop: asyncio.Event, clock: Callable[[], float] = time.monotonic) -> bool:
    """Wait until a worker can start; False when `stop` was set before that.

    Raises
    ------
    ConfigurationError
        When a Kafka setting cannot be honoured by both clients, Redis refuses the password, or a topic is missing.
    UnreachableError
        When a server did not answer within 10 s.
    """
    monitor_client(settings.kafka_settings)
    admin = make_admin(settings.kafka_settings)
    for ask in (lambda: _ask_kafka(admin, settings), lambda: _ask_redis(settings)):
        if not await insist(ask, stop, clock):
            return False
    with suppress(RedisError):  # away again: the worker says so itself
        await asyncio.to_thread(warn_of_settings, settings.redis.url.get_secret_value())
    return True


def listen(web: WebSettings) -> socket.socket | None:
    """Listen where the web server will: on the port that was set, else on the first free one from the default on.

    The socket is kept, not the number alone: of workers that start in the same second each has a port of its own then.
    None for port 0: no web server. Raises ConfigurationError when the port that was set, or the host, cannot be had.
    """
    if not web.port:
        return None
    family, host = _address(web.host)
    chosen = "port" in web.model_fields_set
    for port in range(web.port, web.port + (1 if chosen else PORTS_TRIED)):
        try:
            listening = socket.create_server((host, port), family=family)
            break
        except OSError as error:
            reason = os.strerror(error.errno or 0)
    else:
        raise ConfigurationError(
            f"web.port: cannot listen on {web.host}:{web.port} ({reason}); "
            "give each worker of a machine a port of its own with --web-port, or 0 for none"
        )
    if port != web.port:
        _LOG.info("port %d is taken: /healthz and /metrics are on %s:%d", web.port, web.host, port)
    return listening


def _address(host: str) -> tuple[socket.AddressFamily, str]:
    """Return a host's address and its family: IPv4, where it has both."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"web.host: {host!r} is no address of this machine ({error})") from error
    family, *_, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    return family, str(address[0])


async def insist(
    ask: Callable[[], Awaitable[None]], stop: asyncio.Event, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Ask a server until it answers; False when `stop` was set before that.

    Raises
    ------
    UnreachableError
        It did not answer within 10 s.
    """
    deadline = clock() + PATIENCE_SECONDS
    while not stop.is_set():
        try:
            await ask()
        except UnreachableError:
            if clock() > deadline:
                raise
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ATTEMPT_SECONDS / 2)
        else:
            return not stop.is_set()
    return False


async def _ask_kafka(admin: AdminClient, settings: Settings) -> None:
    there = await asyncio.to_thread(list_partitions, admin, settings.kafka_settings, ATTEMPT_SECONDS)
    require_topics(TopicNames(settings.prefix).of_worker, there)


async def _ask_redis(settings: Settings) -> None:
    await asyncio.to_thread(require_store, settings.redis.url.get_secret_value())
