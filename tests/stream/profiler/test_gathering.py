"""Which messages are counted when: many at a time, and none waits longer than it may."""

from typing import Any

from stream.profiler.messages import RawBatch
from stream.profiler.owned import Owned

ENOUGH, PATIENCE = 10, 0.2


def batch(first: int, count: int) -> RawBatch:
    return RawBatch(0, list(range(first, first + count)), [-1] * count, [b"{}"] * count)


def owned() -> Owned:
    untouched: Any = None
    return Owned(untouched, untouched)


def taken(shard: Owned, now: float) -> dict[str, list[int]]:
    return {role: raw.offsets for role, raw in shard.take_gathered(now, ENOUGH, PATIENCE)}


def test_a_topic_with_enough_messages_is_counted_at_once_and_alone() -> None:
    shard = owned()
    shard.gather("predictions", batch(0, 6), 0.0)
    shard.gather("labels", batch(0, 6), 0.0)
    assert taken(shard, 0.1) == {}
    shard.gather("predictions", batch(6, 4), 0.1)
    assert taken(shard, 0.1) == {"predictions": list(range(10))}
    assert taken(shard, 0.1) == {}


def test_when_one_topic_has_waited_long_enough_both_go_on() -> None:
    shard = owned()
    shard.gather("predictions", batch(0, 1), 0.0)
    shard.gather("labels", batch(7, 2), 0.15)
    assert taken(shard, 0.19) == {}
    assert taken(shard, 0.2) == {"predictions": [0], "labels": [7, 8]}


def test_what_came_before_is_gathered_once() -> None:
    shard = owned()
    shard.gather("labels", batch(0, 3), 0.0)
    shard.gather("labels", batch(1, 4), 0.1)
    assert taken(shard, 0.2) == {"labels": [0, 1, 2, 3, 4]}
