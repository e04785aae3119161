"""A real Kafka and a real Redis for a measurement, started here, or those that environment variables name."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import kafka, redis
from servers.kafka import KafkaBroker
from servers.redis import RedisServer


@dataclass(frozen=True)
class Servers:
    """Addresses; `broker` and `store` are None where a server was not started here."""

    bootstrap: str
    redis_url: str
    broker: KafkaBroker | None = None
    store: RedisServer | None = None

    @property
    def kafka(self) -> dict[str, str]:
        """Settings of librdkafka."""
        return {"bootstrap.servers": self.bootstrap}


def missing() -> str | None:
    """Say what this machine lacks for both servers; None when they can start."""
    given = os.environ.get("TIDEGAUGE_TEST_KAFKA"), os.environ.get("TIDEGAUGE_TEST_REDIS")
    return (None if given[0] else kafka.missing()) or (None if given[1] else redis.missing())


@contextmanager
def servers(broker_settings: Mapping[str, str] | None = None) -> Iterator[Servers]:
    """Run both for the time of a `with` block; their data is deleted at its end.

    `broker_settings` are properties of the broker beyond those of the tests; one that was there keeps its own.
    """
    reason = missing()
    if reason:
        sys.exit(f"this needs a real server: {reason}")
    bootstrap, url = os.environ.get("TIDEGAUGE_TEST_KAFKA"), os.environ.get("TIDEGAUGE_TEST_REDIS")
    with tempfile.TemporaryDirectory(prefix="tidegauge-load-") as folder, ExitStack() as stack:
        broker = store = None
        if not bootstrap:
            broker = KafkaBroker(Path(folder) / "kafka", dict(broker_settings or {})).start()
            stack.callback(broker.kill)
            bootstrap = broker.bootstrap
        if not url:
            store = RedisServer(Path(folder) / "redis", str(redis.redis_binary())).start()
            stack.callback(store.kill)
            url = store.url
        yield Servers(bootstrap, url, broker, store)
