"""Partitions and their owner on a real store, without Kafka: what is applied, written, published, lost, sought back."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest
import redis
from counting import CountingCore

from stream.app.monitors import CLAIM_SECONDS, Monitors
from stream.app.partition import Pace, Partition
from stream.checkpoint import (
    AsyncRunner,
    RetryPolicy,
    ShardName,
    StateLostError,
    StateVersionError,
    SyncRunner,
    connect,
    connect_async,
)
from stream.model.catalog import Catalog
from stream.monitor.outputs import HistorySnapshot, Output
from tidegauge.alerts import Alert
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

    def publish(self, output: Output, on_done: Callable[[bool], Any]) -> bool:
        if self.full:
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


def test_state_and_offset_are_written_together_and_read_back(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        assert await world.monitors.assign({0: range(5)}) == {0: 0}
        await world.feed(0, 5)
        await world.until(lambda: stored(client) == (b"5 5 0", b"5"))

    async def next_owner(world: World) -> None:
        assert await world.monitors.assign({0: range(9)}) == {0: 5}
        await world.feed(0, 9)
        await world.until(lambda: stored(client) == (b"9 9 0", b"9"))

    play(store_url, story)
    play(store_url, next_owner)


def test_an_output_is_published_after_its_checkpoint_and_removed_after_delivery(
    store_url: str, client: redis.Redis
) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 10)
        assert world.sent.outputs == []
        await world.until(lambda: len(world.sent.outputs) == 1)
        assert stored(client)[1] == b"10"
        assert client.hlen(ShardName("", "monitor", 0).fields) == 2
        world.sent.answer(acknowledged=False)
        await world.until(lambda: len(world.sent.outputs) == 2)
        world.sent.answer(acknowledged=True)
        await world.until(lambda: client.hlen(ShardName("", "monitor", 0).fields) == 1)
        assert len({output.seq for output in world.sent.outputs}) == 1

    play(store_url, story)


def test_a_snapshot_is_published_once_kafka_has_everything_before_it(store_url: str, client: redis.Redis) -> None:
    """Whoever begins from a snapshot tells nothing of what was decided before it."""

    async def story(world: World) -> None:
        await world.monitors.assign({0: range(30)})
        await world.feed(0, 10)
        core = world.monitors.owned[0]._core
        assert isinstance(core, CountingCore)
        core.keep()
        await world.feed(10, 20)
        await world.until(lambda: len(world.sent.outputs) == 2)
        assert [type(output) for output in world.sent.outputs] == [Alert, Alert]
        first, second = world.sent.waiting
        second(True)
        first(False)
        await world.until(lambda: len(world.sent.outputs) == 3)
        assert isinstance(world.sent.outputs[-1], Alert)
        world.sent.waiting[-1](True)
        await world.until(lambda: len(world.sent.outputs) == 4)
        assert isinstance(world.sent.outputs[-1], HistorySnapshot)
        world.sent.waiting[-1](True)
        await world.until(lambda: client.hlen(ShardName("", "monitor", 0).fields) == 1)

    play(store_url, story)


def test_the_next_owner_publishes_what_was_not_delivered(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 10)
        await world.until(lambda: len(world.sent.outputs) == 1)

    play(store_url, story)
    play(store_url, claim_and_wait)


async def claim_and_wait(world: World) -> None:
    await world.monitors.assign({0: range(20)})
    await world.until(lambda: len(world.sent.outputs) == 1)


def test_a_full_queue_is_tried_again(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        world.sent.full = True
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 10)
        await world.until(lambda: stored(client)[1] == b"10")
        world.sent.full = False
        await world.until(lambda: len(world.sent.outputs) == 1)

    play(store_url, story)


def test_repeats_are_skipped_and_gaps_sought_back(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 3)
        await world.feed(0, 3)
        await world.feed(7, 9)
        await world.until(lambda: world.kafka.restarts == 1)
        await world.feed(3, 5)
        await world.until(lambda: stored(client) == (b"5 5 0", b"5"))
        await world.monitors.handle(1, 0, message(1))

    play(store_url, story)


def test_unreadable_bytes_are_counted_and_passed(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.monitors.handle(0, 0, b"\xff")
        await world.monitors.handle(0, 1, None)
        await world.feed(2, 3)
        await world.until(lambda: stored(client) == (b"1 1 0", b"3"))
        assert world.monitors.owned[0].undecodable == 1
        assert world.failures == []

    play(store_url, story)


def test_a_bug_in_the_core_ends_the_process_and_writes_nothing(
    store_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 2)
        await world.until(lambda: stored(client)[1] == b"2")
        monkeypatch.setattr(CountingCore, "steps", lambda _: 1 / 0)
        await world.feed(2, 4)
        assert isinstance(world.failures[0], ZeroDivisionError)
        assert len(world.failures) == 1
        await asyncio.sleep(0.05)
        assert stored(client)[1] == b"2"

    play(store_url, story)


def test_others_have_turns_while_a_round_is_decided_and_nothing_is_written_in_its_middle(
    store_url: str, client: redis.Redis
) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        core, partition = world.cores[-1], world.monitors.owned[0]
        core.pauses = 1_000
        turns = 0
        round_ = asyncio.create_task(world.feed(0, 1))
        while not round_.done():
            turns += core.deciding
            if turns == 3:
                writing = asyncio.create_task(partition.checkpoint())
            await asyncio.sleep(0)
        assert turns > 3
        await writing
        assert stored(client) == (b"1 1 0", b"1")

    play(store_url, story)


def test_the_clock_is_looked_at_between_rounds_however_many_wait(store_url: str) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(0)})
        world.cores[-1].pauses = 10
        rounds = asyncio.create_task(world.feed(0, 200))
        await asyncio.sleep(0)
        await world.monitors.owned[0].watch(1)
        assert world.cores[-1].watched == 1
        assert not rounds.done()
        await rounds

    play(store_url, story)


def test_a_round_that_is_cancelled_is_decided_to_its_end(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        world.cores[-1].pauses = 1_000
        round_ = asyncio.create_task(world.feed(0, 1))
        await world.until(lambda: world.cores[-1].deciding, pause=0)
        round_.cancel()
        await asyncio.gather(round_, return_exceptions=True)
        assert round_.cancelled()
        await world.until(lambda: stored(client) == (b"1 1 0", b"1"))
        assert world.failures == []

    play(store_url, story)


def test_a_bug_in_the_middle_of_a_round_is_never_written(
    store_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 2)
        await world.until(lambda: stored(client)[1] == b"2")
        partition = world.monitors.owned[0]

        def breaks(core: CountingCore) -> Iterator[Sequence[Output]]:
            core.count = -1
            yield []
            raise ZeroDivisionError

        monkeypatch.setattr(CountingCore, "steps", breaks)
        round_ = asyncio.create_task(world.feed(2, 3))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="nothing of it is written"):
            await partition.checkpoint()
        await round_
        assert isinstance(world.failures[0], ZeroDivisionError)
        assert stored(client) == (b"2 2 0", b"2")

    play(store_url, story)


def test_a_fenced_partition_rejoins_and_waits_for_the_group(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        with connect(store_url) as other:
            SyncRunner(other, ShardName("", "monitor", 0)).take_over()
            await world.feed(0, 2)
            await world.until(lambda: world.kafka.rejoins == 1)
        assert world.monitors.unowned == {0}
        assert await world.monitors.assign({0: range(20)}) == {0: 20}
        await world.monitors.release({0})
        assert await world.monitors.assign({0: range(20)}) == {0: 0}

    play(store_url, story)


def test_a_stale_partition_is_reloaded_and_sought(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 4)
        await world.until(lambda: stored(client)[1] == b"4")
        client.hset(ShardName("", "monitor", 0).meta, "seq", 0)
        await world.feed(4, 6)
        await world.until(lambda: world.kafka.restarts == 1)
        assert await world.monitors.assign({0: range(20)}) == {0: 4}
        assert world.kafka.rejoins == 0

    play(store_url, story)


def test_a_partition_that_comes_back_goes_on_from_memory(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 4)
        before = world.monitors.owned[0]
        await world.monitors.release({0})
        assert stored(client) == (b"4 4 0", b"4")
        assert await world.monitors.assign({0: range(20)}) == {0: 4}
        assert world.monitors.owned[0] is before

    play(store_url, story)


async def own(world: World, log: range, committed: dict[int, int] | None = None) -> None:
    world.kafka.logs = {0: log}
    await world.monitors.assign({0: log}, committed or {})


async def work(world: World) -> None:
    """Own the partition, write four records, let it go for good."""
    await own(world, range(20))
    await world.feed(0, 4)
    await world.monitors.release({0})


def empty(client: redis.Redis) -> None:
    for key in client.scan_iter():
        client.delete(key)


def evict(client: redis.Redis) -> None:
    client.delete(ShardName("", "monitor", 0).fields)


def damage(client: redis.Redis) -> None:
    client.hset(ShardName("", "monitor", 0).fields, "count", "no number")


def damage_deep_inside(client: redis.Redis) -> None:
    client.hset(ShardName("", "monitor", 0).fields, "count", "-1 0 0")


TROUBLES: dict[str, tuple[Callable[[redis.Redis], object], range, str, int]] = {
    "expired": (lambda _: None, range(10, 20), "6 records expired", 10),
    "recreated": (lambda _: None, range(2), "was the topic created anew", 0),
    "flushed": (empty, range(1, 20), "its state is lost", 1),
    "evicted": (evict, range(1, 20), "noeviction", 1),
    "damaged": (damage, range(1, 20), "is it damaged", 1),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_lost_state_ends_the_worker_unless_a_cold_start_was_asked_for(
    store_url: str, client: redis.Redis, trouble: str
) -> None:
    happen, log, says, start = TROUBLES[trouble]

    async def refused(world: World) -> None:
        await own(world, log, {0: 4})
        [error] = world.failures
        assert isinstance(error, StateLostError)
        assert says in str(error)
        assert "--cold-start" in str(error)
        assert not world.monitors.owned

    async def asked_for(world: World) -> None:
        world.cold_start = True
        await own(world, log, {0: 4})
        owned = world.monitors.owned[0]
        assert owned.next_offset == start
        assert isinstance(owned._core, CountingCore)
        assert says in owned._core.lost
        assert owned._core.count == (4 if trouble == "expired" else 0)
        await world.until(lambda: stored(client)[1] == str(start).encode())

    async def no_flag_needed_any_more(world: World) -> None:
        await own(world, log, {0: 4})
        assert world.failures == []

    play(store_url, work)
    happen(client)
    for story in (refused, refused, asked_for, no_flag_needed_any_more):
        play(store_url, story)


def test_state_of_a_newer_release_is_never_reset(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        world.cold_start = True
        await own(world, range(20))
        [error] = world.failures
        assert isinstance(error, StateVersionError)

    play(store_url, work)
    client.hset(ShardName("", "monitor", 0).meta, "format", 99)
    play(store_url, story)
    assert stored(client)[1] == b"4"


def test_an_offset_that_a_zombie_wrote_meanwhile_is_no_other_log(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        world.kafka.logs = {0: range(6)}
        assert await world.monitors.assign({0: range(2)}) == {0: 4}
        assert world.failures == []

    play(store_url, work)
    play(store_url, story)


def test_a_store_emptied_under_the_owner_ends_the_worker(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await own(world, range(20))
        await world.feed(0, 2)
        await world.until(lambda: stored(client)[1] == b"2")
        empty(client)
        await world.feed(2, 4)
        await world.until(lambda: bool(world.failures))
        assert "was Redis flushed" in str(world.failures[0])
        assert client.keys() == []

    play(store_url, story)


def test_no_more_is_committed_than_the_store_holds(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        client.config_set("maxmemory", 1)
        try:
            await own(world, range(20))
            assert world.monitors.written(0) is None
        finally:
            client.config_set("maxmemory", 0)
        await world.until(lambda: bool(world.monitors.owned), 4 * CLAIM_SECONDS)
        await world.feed(0, 3)
        await world.until(lambda: world.monitors.written(0) == 3)
        assert stored(client)[1] == b"3"

    play(store_url, story)


def test_a_store_that_is_away_holds_everything_until_it_is_back(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 2)
        await world.until(lambda: stored(client)[1] == b"2")
        client.config_set("maxmemory", 1)
        try:
            await world.feed(2, 3)
            await world.until(lambda: world.monitors.owned[0].behind_store)
            feeding = asyncio.create_task(world.feed(3, 6))
            await asyncio.sleep(0.1)
            assert not feeding.done()
            assert world.monitors.owned[0].next_offset == 3
        finally:
            client.config_set("maxmemory", 0)
        await feeding
        await world.until(lambda: stored(client) == (b"6 6 0", b"6"))

    play(store_url, story)


def test_what_cannot_be_owned_now_is_claimed_later(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        client.config_set("maxmemory", 1)
        try:
            assert await world.monitors.assign({0: range(20)}) == {0: 20}
        finally:
            client.config_set("maxmemory", 0)
        await world.until(lambda: world.kafka.restarts == 1, 4 * CLAIM_SECONDS)
        assert await world.monitors.assign({0: range(20)}) == {0: 0}

    play(store_url, story)


def test_a_new_catalog_reaches_the_core_before_the_next_message(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 2)
        world.catalog = Catalog()
        await world.feed(2, 4)
        core = world.monitors.owned[0]._core
        assert isinstance(core, CountingCore)
        assert core.catalogs == 1

    play(store_url, story)


def test_a_partition_found_fenced_while_it_is_released_is_just_let_go(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        await world.monitors.assign({0: range(20)})
        await world.feed(0, 2)
        await world.until(lambda: stored(client)[1] == b"2")
        with connect(store_url) as other:
            SyncRunner(other, ShardName("", "monitor", 0)).take_over()
        await world.feed(2, 4)
        partition = world.monitors.owned[0]
        # The writer's own checkpoint and the release's, at the same moment: a worker that wakes from a long stop.
        await asyncio.gather(partition.checkpoint(), world.monitors.release({0}))
        assert world.failures == []
        assert world.kafka.rejoins == 0
        assert dict(world.monitors.owned) == {}
        assert await world.monitors.assign({0: range(20)}) == {0: 2}

    play(store_url, story)


def test_a_cold_start_finds_what_is_damaged_deep_inside(store_url: str, client: redis.Redis) -> None:
    async def scenario(world: World) -> None:
        world.cold_start = True
        await own(world, range(1, 20), {0: 4})
        owned = world.monitors.owned[0]
        assert isinstance(owned._core, CountingCore)
        assert (owned._core.count, owned.next_offset) == (0, 1)
        assert "a negative count" in owned._core.lost

    play(store_url, work)
    damage_deep_inside(client)
    play(store_url, scenario)
