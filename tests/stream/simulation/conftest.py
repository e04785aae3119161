"""Put this package, and the neighbours' helpers it builds on, on the path; a real Valkey for what can use one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stream.store.embedded import EmbeddedStore

STREAM = Path(__file__).parents[1]
sys.path[:0] = [str(STREAM), str(STREAM / "profiler"), str(STREAM / "app")]


@pytest.fixture(scope="session")
def valkey() -> Iterator[redis.Redis]:
    with EmbeddedStore() as store, redis.Redis.from_url(store.url) as client:
        yield client
