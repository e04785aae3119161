"""What a partition publishes, and when: after its checkpoint, until Kafka has it, in an order that loses nothing."""

import redis
from counting import CountingCore
from ownership_world import World, play, stored

from stream.checkpoint import ShardName
from stream.monitor.outputs import HistorySnapshot, LearnedModel
from tidegauge.alerts import Alert


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
        await world.begin(10, client)
        world.sent.full = False
        await world.until(lambda: len(world.sent.outputs) == 1)

    play(store_url, story)


def test_alerts_do_not_wait_for_what_was_learnt(store_url: str, client: redis.Redis) -> None:
    async def story(world: World) -> None:
        world.sent.learning = True
        await world.monitors.assign({0: range(20)})
        core = world.monitors.owned[0]._core
        assert isinstance(core, CountingCore)
        core.learn()
        await world.feed(0, 10)
        await world.until(lambda: [type(output) for output in world.sent.outputs] == [Alert])
        world.sent.learning = False
        await world.until(lambda: [type(output) for output in world.sent.outputs] == [Alert, LearnedModel])

    play(store_url, story)
