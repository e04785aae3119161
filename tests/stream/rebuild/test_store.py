"""Where workers begin, on a real store: written only where nothing is, or in place of what a person gave up."""

import pytest
import redis

from stream.checkpoint import Delta, ShardName, SyncRunner, connect
from stream.errors import ConfigurationError
from stream.rebuild.store import Start, require_empty, write

NAME = ShardName("p.", "monitor", 1)
OTHER = ShardName("p.", "profiler", 0)
START = Start(NAME, {"p.profiles": 17}, {b"d|x": b"\x00detector"})


def test_a_worker_begins_with_what_was_written(store_url: str, client: redis.Redis) -> None:
    store = connect(store_url)
    require_empty(store, [NAME, OTHER])
    write(store, START, discard=False)
    found = SyncRunner(client, NAME).take_over()
    assert (found.fields, found.offsets, found.fresh) == (START.fields, START.offsets, False)
    with pytest.raises(ConfigurationError, match=r"Redis holds state of 1 of 2 .*--discard"):
        require_empty(store, [OTHER, NAME])
    store.close()


def test_a_takeover_alone_is_no_state(store_url: str, client: redis.Redis) -> None:
    store = connect(store_url)
    SyncRunner(client, NAME).take_over()
    require_empty(store, [NAME])
    write(store, START, discard=False)
    store.close()


def test_discard_drops_what_is_there_even_if_it_is_damaged(store_url: str, client: redis.Redis) -> None:
    store = connect(store_url)
    runner = SyncRunner(client, NAME)
    runner.take_over()
    runner.commit(Delta(fields={b"old": b"1", b"gone": b"2"}, appends={"p1": b"x" * 24}))
    client.hdel(NAME.fields, "gone")
    write(store, START, discard=True)
    found = SyncRunner(client, NAME).take_over()
    assert (found.fields, found.buckets) == (START.fields, {})
    store.close()


def test_somebody_who_wrote_meanwhile_is_not_overwritten(store_url: str, client: redis.Redis) -> None:
    store = connect(store_url)
    runner = SyncRunner(client, NAME)
    runner.take_over()
    runner.commit(Delta(fields={b"theirs": b"1"}))
    with pytest.raises(ConfigurationError, match="stop all workers"):
        write(store, START, discard=False)
    assert client.hgetall(NAME.fields) == {b"theirs": b"1"}
    store.close()
