"""The Faust side as it runs: on librdkafka's mock cluster and a real Valkey, with a core that counts."""

import asyncio
import urllib.request
from collections.abc import Awaitable, Callable

import pytest
import redis
from confluent_kafka import Consumer, Producer
from counting import CountingCore

from stream.app.app import AppOptions, add_page, make_app
from stream.app.monitors import Monitors
from stream.app.partition import Partition
from stream.app.publisher import KafkaPublisher
from stream.app.startup import listen
from stream.app.worker import Failure, Parts, serve
from stream.checkpoint import AsyncRunner, ShardName, connect_async
from stream.config import WebSettings
from stream.kafka.embedded import PARTITIONS, EmbeddedBroker
from stream.kafka.settings import monitor_client
from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from tidegauge.codec import decode_alert, encode_profiles
from tidegauge.profiles import ShardWatermark, WatermarkReport

TOPICS = TopicNames()
# mode and aiokafka leave a loop and a socket to the garbage collector when they stop.
pytestmark = [
    pytest.mark.embedded,
    pytest.mark.filterwarnings("default::ResourceWarning", "default::pytest.PytestUnraisableExceptionWarning"),
]


class Source:
    """Fills every partition of `profiles` with numbered messages."""

    def __init__(self, bootstrap: str) -> None:
        self.sent = 0
        self._producer = Producer({"bootstrap.servers": bootstrap})

    def send(self, count: int) -> None:
        for number in range(self.sent + 1, self.sent + count + 1):
            report = WatermarkReport(worker="w", partitions=1, shards=[ShardWatermark(0, 1, 1, 0, 0, number)])
            for partition in range(PARTITIONS):
                self._producer.produce(TOPICS.profiles, encode_profiles(report), partition=partition)
        self._producer.flush()
        self.sent += count

    @property
    def expected(self) -> bytes:
        return f"{self.sent} {self.sent * (self.sent + 1) // 2} {self.sent // 10 * 10}".encode()


def counted(client: redis.Redis) -> set[bytes | None]:
    return {client.hget(ShardName("", "monitor", n).fields, "count") for n in range(PARTITIONS)}


def run_worker(bootstrap: str, url: str, story: Callable[[int], Awaitable[None]]) -> None:
    async def run() -> None:
        failure, stop, web = Failure(), asyncio.Event(), listen(WebSettings())
        assert web is not None
        port = int(web.getsockname()[1])
        settings = {"bootstrap.servers": bootstrap}
        store = connect_async(url)
        publisher = KafkaPublisher(settings, TOPICS, failure)
        catalog = Catalog()

        def partition(number: int) -> Partition:
            runner = AsyncRunner(store, ShardName("", "monitor", number))
            return Partition(number, TOPICS.profiles, runner, lambda n, _: CountingCore(n), lambda: catalog, publisher)

        monitors = Monitors(partition, failure)
        app = make_app(AppOptions("monitor", TOPICS.profiles, monitor_client(settings), web=web), monitors)

        async def page() -> tuple[int, bytes, str]:
            return 503, str(len(monitors.owned)).encode(), "text/plain; charset=utf-8"

        add_page(app, "/healthz", page)
        serving = asyncio.create_task(serve(Parts(app, monitors, publisher, failure), stop))
        try:
            await story(port)
        finally:
            stop.set()
            async with asyncio.timeout(5):
                await serving
            await store.aclose()

    asyncio.run(run())


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition lies in a store, which sends no event
            await asyncio.sleep(0.05)


def read_alerts(bootstrap: str, wanted: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Alerts by (id, seq), read until all that are wanted were there; repeats count once, as for any consumer."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe([TOPICS.alerts])
    found: set[tuple[str, int]] = set()
    for _ in range(150):
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            alert = decode_alert(message.value() or b"")
            found.add((alert.alert_id, alert.seq))
        if found >= wanted:
            break
    consumer.close()
    return found


def test_a_worker_counts_exactly_through_restarts_and_lost_writes(
    broker: EmbeddedBroker, store_url: str, client: redis.Redis
) -> None:
    source = Source(broker.bootstrap)
    source.send(45)

    async def first(port: int) -> None:
        await until(lambda: counted(client) == {source.expected})
        reply = await asyncio.to_thread(fetch, port)
        assert reply == (503, str(PARTITIONS).encode(), "text/plain; charset=utf-8")

    async def second(_: int) -> None:
        source.send(30)
        await until(lambda: counted(client) == {source.expected})
        # A failover that lost the newest writes of one partition: its seq went back.
        client.hset(ShardName("", "monitor", 1).meta, "seq", 1)
        source.send(25)
        await until(lambda: counted(client) == {source.expected})

    run_worker(broker.bootstrap, store_url, first)
    run_worker(broker.bootstrap, store_url, second)
    alerts = {(f"p{n}", seq) for n in range(PARTITIONS) for seq in range(10, 101, 10)}
    assert read_alerts(broker.bootstrap, alerts) == alerts


def fetch(port: int) -> tuple[int, bytes, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
            return reply.status, reply.read(), reply.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers["Content-Type"]
