"""Partitions and their owner on a real store, without Kafka: what is applied, written, published, lost, sought back."""

import asyncio
from collections.abc import Callable

import pytest
import redis
from counting import CountingCore
from ownership_world import World, message, play, stored

from stream.app.monitors import CLAIM_SECONDS, PARK_SECONDS, Monitors
from stream.checkpoint import (
    ShardName,
    StateLostError,
    StateVersionError,
    SyncRunner,
    connect,
)
from stream.model.catalog import Catalog


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
        await world.begin(4, client)
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


def test_a_partition_that_does_not_come_back_is_forgotten(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        now, looks = 100.0, 0

        async def sleep(_: float) -> None:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0.001)

        world.monitors = Monitors(world.partition, world.failures.append, clock=lambda: now, sleep=sleep)
        await world.monitors.assign({0: range(20), 1: range(20)})
        await world.monitors.release({0})
        for seconds, held in ((PARK_SECONDS - 1, {0}), (PARK_SECONDS, set())):
            now, before = 100.0 + seconds, looks
            await world.until(lambda before=before: looks > before + 2)
            assert world.monitors._parked.keys() == held

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
        await world.begin(2, client)
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
        await world.begin(2, client)
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
