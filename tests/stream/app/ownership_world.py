"""Partitions and their owner on a real store, with everything around them in reach; there is no Kafka."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import redis
from counting import CountingCore

from stream.app.monitors import Monitors
from stream.app.partition import Pace, Partition
from stream.checkpoint import AsyncRunner, RetryPolicy, ShardName, connect_async
from stream.model.catalog import Catalog
from stream.monitor.outputs import LearnedModel, Output
from tidegauge.codec import encode_profiles
from tidegauge.profiles import ShardWatermark, WatermarkReport

TOPIC = "profiles"
PACE = Pace(checkpoint_seconds=0.02, urgent_seconds=0.01, retry_seconds=0.02, breath_seconds=0.0)


def message(value: int) -> bytes:
    return encode_profiles(WatermarkReport(worker="w", partitions=1, shards=[ShardWatermark(0, 1, 1, 0, 0, value)]))


class Sent:
    """A publisher that remembers, and answers when told to."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.waiting: list[Callable[[bool], Any]] = []
        self.full = False
        self.learning = False

    def publish(self, output: Output, on_done: Callable[[bool], Any]) -> bool:
        if self.full or (self.learning and isinstance(output, LearnedModel)):
            return False
        self.outputs.append(output)
        self.waiting.append(on_done)
        return True

    def answer(self, *, acknowledged: bool) -> None:
        waiting, self.waiting = self.waiting, []
        for on_done in waiting:
            on_done(acknowledged)


class Kafka:
    def __init__(self) -> None:
        self.restarts = 0
        self.rejoins = 0
        self.logs: dict[int, range] = {}

    async def restart(self) -> None:
        self.restarts += 1

    async def ends(self, partition: int) -> range:
        return self.logs.get(partition, range(1_000))

    def rejoin(self) -> None:
        self.rejoins += 1


class World:
    """Monitors with everything around them in reach."""

    def __init__(self, url: str) -> None:
        self.store = connect_async(url)
        self.sent = Sent()
        self.kafka = Kafka()
        self.failures: list[BaseException] = []
        self.catalog = Catalog()
        self.retry = RetryPolicy(deadline_seconds=0.05, first_seconds=0.01)
        self.cold_start = False
        self.cores: list[CountingCore] = []
        self.monitors = Monitors(self.partition, self.failures.append)
        self.monitors.log = self.kafka

    def partition(self, number: int) -> Partition:
        runner = AsyncRunner(self.store, ShardName("", "monitor", number), retry=self.retry)
        return Partition(
            number,
            TOPIC,
            runner,
            lambda n, _: self.core(n),
            lambda: self.catalog,
            self.sent,
            pace=PACE,
            cold_start=self.cold_start,
        )

    def core(self, number: int) -> CountingCore:
        self.cores.append(CountingCore(number))
        return self.cores[-1]

    async def feed(self, first: int, stop: int, number: int = 0) -> None:
        for offset in range(first, stop):
            await self.monitors.handle(number, offset, message(1))

    async def begin(self, records: int, client: redis.Redis) -> None:
        """Own the partition, and have its first records written."""
        await self.monitors.assign({0: range(20)})
        await self.feed(0, records)
        await self.until(lambda: stored(client)[1] == str(records).encode())

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0, pause: float = 0.01) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the condition lies in a store, which sends no event
                await asyncio.sleep(pause)


def play(url: str, story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        world = World(url)
        try:
            await story(world)
        finally:
            await world.monitors.stop()
            await world.store.aclose()

    asyncio.run(run())


def stored(client: redis.Redis, number: int = 0) -> tuple[bytes | None, bytes | None]:
    name = ShardName("", "monitor", number)
    return client.hget(name.fields, "count"), client.hget(name.meta, f"offset:{TOPIC}")
