"""Real servers for the integration tests: started once per worker of pytest-xdist, on free ports.

`TIDEGAUGE_TEST_KAFKA=host:port` and `TIDEGAUGE_TEST_REDIS=redis://...` use servers that are already there. Where a
server can neither be found nor started the tests are skipped with the reason, and with CI=true they fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import kafka, redis
from servers.kafka import KafkaBroker
from servers.redis import RedisServer


def require(reason: str | None) -> None:
    """Skip loudly, or fail in CI, when something is missing."""
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run the integration tests, but there is {reason}")
    pytest.skip(f"integration tests need a real server: {reason}")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One real broker for all tests of this process; tests use topics and groups of their own."""
    require(kafka.missing())
    server = KafkaBroker(tmp_path_factory.mktemp("kafka")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def bootstrap(request: pytest.FixtureRequest) -> str:
    """Address of a real Kafka."""
    given = os.environ.get("TIDEGAUGE_TEST_KAFKA")
    return given or str(request.getfixturevalue("broker").bootstrap)


@pytest.fixture(scope="session", params=["redis", "valkey"])
def redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Redis, then of a real Valkey."""
    given = os.environ.get("TIDEGAUGE_TEST_REDIS")
    if given and request.param == "redis":
        yield given
        return
    yield from _server_url(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def real_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Redis only: for tests too long to run on both."""
    given = os.environ.get("TIDEGAUGE_TEST_REDIS")
    if given:
        yield given
        return
    yield from _server_url("redis", tmp_path_factory.mktemp("redis"))


def _server_url(kind: str, folder: Path) -> Iterator[str]:
    if kind == "redis":
        require(redis.missing())
    binary = redis.redis_binary() if kind == "redis" else redis.valkey_binary()
    server = RedisServer(folder, str(binary)).start()
    yield server.url
    server.kill()
