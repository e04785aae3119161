import dataclasses
from collections.abc import Generator
from typing import Any

import pytest
import redis

from stream.checkpoint import (
    STATE_FORMAT,
    Delta,
    Fenced,
    Landed,
    Loaded,
    OwnershipError,
    Resumed,
    ShardName,
    Stale,
    StateLostError,
    StateVersionError,
    SyncRunner,
    TakenOverError,
)
from stream.checkpoint.encoding import MAX_BYTES, MAX_ITEMS, commit_calls
from stream.checkpoint.requests import Read, Request

SHARD = ShardName("t.", "profiler", 3)
EVERYTHING = Delta(
    fields={b"a": b"1", b"\x00\xff": b"\r\n\x00"},
    appends={"2013-04-22": b"abc"},
    offsets={"predictions": 7, "labels": 2},
    unpublished=(b"a",),
)


def taken(client: redis.Redis, shard: ShardName = SHARD) -> SyncRunner:
    runner = SyncRunner(client, shard)
    runner.take_over()
    return runner


def test_everything_comes_back(client: redis.Redis) -> None:
    assert taken(client).commit(EVERYTHING) == Landed(1)
    loaded = SyncRunner(client, SHARD).take_over()
    assert loaded == Loaded(
        epoch=loaded.epoch,
        seq=1,
        fields=dict(EVERYTHING.fields),
        buckets={"2013-04-22": b"abc"},
        offsets={"predictions": 7, "labels": 2},
        unpublished={b"a": 1},
    )
    assert not loaded.fresh


def test_a_new_shard_is_fresh_and_empty(client: redis.Redis) -> None:
    loaded = SyncRunner(client, SHARD).take_over()
    assert loaded.fresh
    assert (loaded.fields, loaded.buckets, loaded.offsets, loaded.unpublished) == ({}, {}, {}, {})


def test_fields_are_deleted_and_buckets_grow_and_go(client: redis.Redis) -> None:
    runner = taken(client)
    runner.commit(EVERYTHING)
    runner.commit(Delta(fields={b"a": None}, appends={"2013-04-22": b"def", "2013-04-23": b"x"}))
    runner.commit(Delta(dropped=("2013-04-23",), offsets={"labels": 3}))
    loaded = runner.take_over()
    assert loaded.fields == {b"\x00\xff": b"\r\n\x00"}
    assert loaded.buckets == {"2013-04-22": b"abcdef"}
    assert loaded.offsets == {"predictions": 7, "labels": 3}
    assert not client.exists(SHARD.bucket("2013-04-23"))


def test_an_acknowledgement_of_an_older_seq_keeps_the_field_unpublished(client: redis.Redis) -> None:
    runner = taken(client)
    runner.commit(Delta(unpublished=(b"a", b"b")))
    runner.commit(Delta(unpublished=(b"a",), delivered={b"a": 1, b"b": 1}))
    assert runner.take_over().unpublished == {b"a": 2}
    runner.commit(Delta(delivered={b"a": 2}))
    assert runner.take_over().unpublished == {}


def test_an_older_owner_is_fenced_and_writes_nothing(client: redis.Redis) -> None:
    zombie, owner = taken(client), taken(client)
    assert owner.epoch > zombie.epoch
    assert zombie.commit(Delta(fields={b"z": b"!"}, appends={"log": b"!"})) == Fenced(owner.epoch)
    with pytest.raises(OwnershipError, match="take it over"):
        zombie.commit(EVERYTHING)
    assert owner.commit(EVERYTHING) == Landed(1)
    assert b"z" not in owner.take_over().fields


def test_a_store_that_went_back_in_time_is_stale_not_overwritten(client: redis.Redis) -> None:
    runner = taken(client)
    runner.commit(EVERYTHING)
    client.hset(SHARD.meta, "seq", 0)
    assert runner.commit(Delta(fields={b"a": b"2"})) == Stale(0)
    client.hset(SHARD.meta, "seq", 1)
    assert runner.take_over().fields[b"a"] == b"1"


def test_an_emptied_store_fences_the_owner(client: redis.Redis) -> None:
    runner = taken(client)
    client.flushall()
    assert runner.commit(EVERYTHING) == Fenced(None)
    assert client.keys() == []


def test_the_epoch_grows_even_if_the_clock_went_back(client: redis.Redis) -> None:
    taken(client)
    far = 9_000_000_000_000
    client.hset(SHARD.meta, "epoch", far)
    assert taken(client).epoch == far + 1


def test_retake_keeps_memory_only_if_nobody_else_was_there(client: redis.Redis) -> None:
    runner = taken(client)
    runner.commit(EVERYTHING)
    resumed = runner.retake()
    assert isinstance(resumed, Resumed)
    assert runner.commit(Delta(fields={b"b": b"2"})) == Landed(2)
    taken(client)
    assert isinstance(runner.retake(), Loaded)


def test_state_of_a_newer_release_is_refused_and_left_alone(client: redis.Redis) -> None:
    owner = taken(client)
    client.hset(SHARD.meta, "format", STATE_FORMAT + 1)
    with pytest.raises(StateVersionError, match="newer") as caught:
        SyncRunner(client, SHARD).take_over()
    assert caught.value.exit_code == 4
    assert isinstance(owner.commit(EVERYTHING), Landed)


@pytest.mark.parametrize(
    "gone", [SHARD.fields, SHARD.unpublished, SHARD.buckets, SHARD.bucket("2013-04-22"), SHARD.meta]
)
def test_a_vanished_key_is_lost_state_never_an_empty_start(client: redis.Redis, gone: str) -> None:
    taken(client).commit(EVERYTHING)
    client.delete(gone)
    with pytest.raises(StateLostError, match="noeviction"):
        SyncRunner(client, SHARD).take_over()


def test_shards_do_not_touch_each_other(client: redis.Redis) -> None:
    first = taken(client)
    second = taken(client, dataclasses.replace(SHARD, shard=4))
    assert first.commit(EVERYTHING) == second.commit(Delta(fields={b"a": b"other"})) == Landed(1)
    assert first.take_over().fields[b"a"] == b"1"


def test_many_fields_are_written_and_read_in_slices(client: redis.Redis) -> None:
    fields = {f"f{i}".encode(): str(i).encode() for i in range(MAX_ITEMS - 10)}
    runner = taken(client)
    runner.commit(Delta(fields=fields, unpublished=tuple(fields)[:5]))
    assert runner.take_over().fields == fields
    runner.commit(Delta(fields=dict.fromkeys(fields)))
    assert runner.take_over().fields == {}


def large_delta() -> Delta:
    fields = {f"f{i}".encode(): bytes([i % 256]) * 2_000 for i in range(2 * MAX_ITEMS)}
    return Delta(fields=fields, appends={"log": b"r" * (MAX_BYTES // 2)}, offsets={"predictions": 9})


def test_a_checkpoint_too_large_for_a_call_lands_whole(client: redis.Redis) -> None:
    delta, runner = large_delta(), taken(client)
    calls = commit_calls(SHARD, delta, runner.epoch, 1)
    assert [call.script for call in calls[-2:]] == ["stage", "checkpoint"]
    assert all(sum(len(a) for a in call.args if isinstance(a, bytes)) <= MAX_BYTES for call in calls)
    assert runner.commit(delta) == Landed(1)
    assert not client.exists(SHARD.stage)
    loaded = runner.take_over()
    assert loaded.fields == delta.fields
    assert loaded.buckets == delta.appends
    assert loaded.offsets == {"predictions": 9}


def test_a_large_checkpoint_cut_short_leaves_nothing(client: redis.Redis) -> None:
    runner = taken(client)
    steps = runner.ownership.commit(large_delta())
    client.execute_command(*by_text(next(steps)))
    assert client.exists(SHARD.stage)
    loaded = SyncRunner(client, SHARD).take_over()
    assert loaded.fresh
    assert loaded.fields == {}
    assert not client.exists(SHARD.stage)


def test_a_takeover_during_a_load_is_told(client: redis.Redis) -> None:
    taken(client).commit(EVERYTHING)
    steps = SyncRunner(client, SHARD).ownership.take_over()
    reply = client.execute_command(*by_text(next(steps)))
    taken(client).commit(Delta(appends={"2013-04-22": b"more"}))
    with pytest.raises(TakenOverError):
        finish(client, steps, reply)


def finish(client: redis.Redis, steps: Generator[Request, Any, Loaded], reply: Any) -> None:
    for _ in range(100):
        reply = client.execute_command(*by_text(steps.send(reply)))


def by_text(request: Request) -> tuple[bytes | str | int, ...]:
    return request.args if isinstance(request, Read) else request.by_text


def test_order_of_things_is_enforced(client: redis.Redis) -> None:
    runner = SyncRunner(client, SHARD)
    with pytest.raises(OwnershipError, match="take it over"):
        runner.commit(EVERYTHING)
    with pytest.raises(OwnershipError, match="not taken over yet"):
        _ = runner.epoch
    runner.take_over()
    next(runner.ownership.commit(EVERYTHING))
    with pytest.raises(OwnershipError, match="in doubt"):
        runner.commit(Delta(fields={b"b": b""}))
    assert runner.commit(EVERYTHING) == Landed(1)


def test_a_client_that_decodes_is_refused(store_url: str) -> None:
    with (
        redis.Redis.from_url(store_url, decode_responses=True) as decoding,
        pytest.raises(OwnershipError, match="decode"),
    ):
        SyncRunner(decoding, SHARD).take_over()


def test_values_refuse_contradictions() -> None:
    with pytest.raises(ValueError, match="both appended to and dropped"):
        Delta(appends={"a": b""}, dropped=("a",))
    with pytest.raises(ValueError, match="brace"):
        ShardName("a{b", "profiler", 0)
    with pytest.raises(ValueError, match="0 or more"):
        ShardName("", "profiler", -1)
    assert Delta().empty
    assert not EVERYTHING.empty
    assert EVERYTHING.size_bytes == 2 + 5 + 3
