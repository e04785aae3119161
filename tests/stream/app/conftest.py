"""A store and a broker in child threads and processes: nothing to install, nothing to start by hand."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stream.kafka.embedded import EmbeddedBroker
from stream.store.embedded import EmbeddedStore

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    with EmbeddedStore() as store:
        yield store.url


@pytest.fixture
def client(store_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store_url) as connection:
        for key in connection.scan_iter():
            connection.delete(key)
        yield connection


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as embedded:
        yield embedded
