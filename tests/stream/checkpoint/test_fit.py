"""State and log that do not belong together, each by its name; and an owner whose state vanished under it."""

import pytest
import redis

from stream.checkpoint import Delta, Landed, Loaded, ShardName, StateLostError, SyncRunner, TakenOverError
from stream.checkpoint.fit import Log, misfit
from stream.checkpoint.requests import Read

SHARD = ShardName("t.", "profiler", 3)
SPANS = {"predictions": range(10, 20), "labels": range(5)}
SOMETHING = Delta(fields={b"a": b"1"}, appends={"2013-04-22": b"abc"}, offsets={"predictions": 7})


@pytest.mark.parametrize(
    ("offsets", "committed", "fresh", "trouble", "says"),
    [
        ({}, {}, True, None, ""),
        ({"predictions": 10, "labels": 5}, {}, False, None, ""),
        ({"predictions": 20}, {"predictions": 20}, False, None, ""),
        ({}, {"labels": 3}, True, "lost", "labels up to 3"),
        ({"predictions": 21}, {}, False, "recreated", "the log ends at 20"),
        ({"predictions": 7}, {}, False, "gap", "3 records expired"),
        ({"predictions": 7, "labels": 6}, {}, False, "recreated", "labels up to 6"),
    ],
)
def test_each_trouble_has_its_name(
    offsets: dict[str, int], committed: dict[str, int], *, fresh: bool, trouble: str | None, says: str
) -> None:
    found = misfit(SHARD, offsets, Log(SPANS, committed), fresh=fresh)
    assert (found.trouble if found else None) == trouble
    assert says in (found.text if found else "")


def owner(client: redis.Redis) -> SyncRunner:
    runner = SyncRunner(client, SHARD)
    runner.take_over()
    return runner


def test_an_owner_that_wrote_is_told_that_the_store_holds_nothing(client: redis.Redis) -> None:
    runner = owner(client)
    runner.commit(SOMETHING)
    for key in client.scan_iter():
        client.delete(key)
    with pytest.raises(StateLostError, match="flushed"):
        runner.commit(SOMETHING)


def test_a_parked_owner_is_told_so_too(client: redis.Redis) -> None:
    runner = owner(client)
    runner.commit(SOMETHING)
    for key in client.scan_iter():
        client.delete(key)
    with pytest.raises(StateLostError, match="flushed"):
        runner.retake()


def test_a_state_that_was_forgotten_is_a_shard_never_seen(client: redis.Redis) -> None:
    runner = owner(client)
    runner.commit(SOMETHING)
    before = runner.epoch
    runner.forget()
    loaded = runner.take_over()
    assert loaded.fresh
    assert loaded == Loaded(loaded.epoch, 0, {}, {}, {}, {})
    assert loaded.epoch > before
    assert runner.commit(SOMETHING) == Landed(1)


def test_what_cannot_be_taken_over_can_be_forgotten_and_its_leftovers_are_not_adopted(client: redis.Redis) -> None:
    owner(client).commit(SOMETHING)
    client.delete(SHARD.buckets, SHARD.meta)
    runner = SyncRunner(client, SHARD)
    with pytest.raises(StateLostError):
        runner.take_over()
    runner.forget()
    runner.take_over()
    assert client.get(SHARD.bucket("2013-04-22")) == b"abc"
    runner.commit(SOMETHING)
    assert runner.take_over().buckets == {"2013-04-22": b"abc"}


def test_the_state_of_another_owner_is_not_dropped(client: redis.Redis) -> None:
    owner(client).commit(SOMETHING)
    steps = SyncRunner(client, SHARD).ownership.forget()
    reply = None
    with pytest.raises(TakenOverError):  # noqa: PT012 - the takeover comes in the middle
        for number in range(10):
            if number == 2:
                owner(client).commit(Delta(offsets={"labels": 1}))
            request = steps.send(reply)
            reply = client.execute_command(*(request.args if isinstance(request, Read) else request.by_text))
    assert owner(client).seq == 2
