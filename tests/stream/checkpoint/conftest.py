"""A real Valkey in a child process, emptied between tests."""

from collections.abc import Iterator

import pytest
import redis

from stream.store.embedded import EmbeddedStore


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    with EmbeddedStore() as store:
        yield store.url


@pytest.fixture
def client(store_url: str) -> Iterator[redis.Redis]:
    connection = redis.Redis.from_url(store_url)
    # Not FLUSHALL: with an append-only file it costs half a second.
    for key in connection.scan_iter():
        connection.delete(key)
    connection.script_flush()
    yield connection
    connection.close()
