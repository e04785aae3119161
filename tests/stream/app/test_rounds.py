"""What a record makes due is one round: others have turns in it, and its middle is never written."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
import redis
from counting import CountingCore
from ownership_world import World, play, stored

from stream.monitor.outputs import Output


def test_a_bug_in_the_core_ends_the_process_and_writes_nothing(
    store_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        await world.begin(2, client)
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
        await world.begin(2, client)
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
