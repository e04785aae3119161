import asyncio
from typing import Any

import pytest
import redis
from redis import exceptions

from stream.checkpoint import (
    AsyncRunner,
    Delta,
    Fenced,
    Landed,
    Loaded,
    Resumed,
    RetryPolicy,
    ShardName,
    StateLostError,
    StoreUnavailableError,
    SyncRunner,
    connect,
    connect_async,
)
from stream.checkpoint.retry import is_curable
from stream.errors import UnreachableError

SHARD = ShardName("", "monitor", 0)
APPEND = Delta(appends={"log": b"x"}, offsets={"profiles": 1})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Faulty:
    """Fails as planned: an error raised before or after the command ran."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.plan: list[tuple[str, Exception]] = []

    def execute_command(self, *args: Any) -> Any:
        when, error = self.plan.pop(0) if self.plan else ("", None)
        if when == "before" and error:
            raise error
        reply = self.client.execute_command(*args)
        if error:
            raise error
        return reply


def faulty_runner(client: redis.Redis) -> tuple[SyncRunner, Faulty, Clock]:
    faulty, clock = Faulty(client), Clock()
    runner = SyncRunner(faulty, SHARD, retry=RetryPolicy(), sleep=clock.sleep, clock=clock)
    runner.take_over()
    runner.commit(Delta(appends={"log": b"0"}))
    return runner, faulty, clock


def test_a_lost_answer_is_repeated_and_appends_once(client: redis.Redis) -> None:
    runner, faulty, clock = faulty_runner(client)
    faulty.plan = [("after", exceptions.TimeoutError()), ("before", exceptions.ConnectionError())]
    assert runner.commit(APPEND) == Landed(2, repeated=True)
    assert clock.now == pytest.approx(0.05 + 0.1)
    assert runner.take_over().buckets == {"log": b"0x"}


def test_a_store_away_beyond_the_deadline_is_told_and_the_delta_lands_once_later(client: redis.Redis) -> None:
    runner, faulty, clock = faulty_runner(client)
    faulty.plan = [("after", exceptions.TimeoutError())] + [("before", exceptions.ConnectionError("refused"))] * 50
    with pytest.raises(StoreUnavailableError, match="refused"):
        runner.commit(APPEND)
    assert clock.now <= RetryPolicy().deadline_seconds
    faulty.plan = []
    assert runner.commit(APPEND) == Landed(2, repeated=True)
    assert runner.take_over().buckets == {"log": b"0x"}


def test_a_delta_in_doubt_makes_retake_load(client: redis.Redis) -> None:
    runner, faulty, _ = faulty_runner(client)
    assert isinstance(runner.retake(), Resumed)
    faulty.plan = [("before", exceptions.ConnectionError())] * 50
    with pytest.raises(StoreUnavailableError):
        runner.commit(APPEND)
    faulty.plan = []
    assert isinstance(runner.retake(), Loaded)


def test_what_waiting_cannot_cure_is_told_at_once(client: redis.Redis) -> None:
    runner, faulty, clock = faulty_runner(client)
    faulty.plan = [("before", exceptions.AuthenticationError("WRONGPASS"))]
    with pytest.raises(UnreachableError, match="credentials"):
        runner.commit(APPEND)
    faulty.plan = [("before", exceptions.NoPermissionError("NOPERM"))]
    with pytest.raises(UnreachableError, match="scripting"):
        runner.commit(APPEND)
    client.set("not-a-hash", "")
    client.rename("not-a-hash", SHARD.meta)
    with pytest.raises(StateLostError, match="WRONGTYPE"):
        runner.commit(APPEND)
    assert clock.now == 0


REDIS_6 = "Error running script (call to f_f3): @user_script:26: @user_script: 26: {}"


@pytest.mark.parametrize(
    ("error", "curable"),
    [
        (exceptions.ResponseError("MISCONF Errors writing to the AOF file"), True),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas"), True),
        (exceptions.BusyLoadingError("LOADING"), True),
        (exceptions.ReadOnlyError("READONLY"), True),
        (exceptions.OutOfMemoryError("OOM"), True),
        (exceptions.ResponseError(REDIS_6.format("-READONLY You can't write against a read only replica.")), True),
        (exceptions.ResponseError(REDIS_6.format("-OOM command not allowed when used memory > 'maxmemory'.")), True),
        (exceptions.ResponseError(REDIS_6.format("WRONGTYPE Operation against a key")), False),
        (ConnectionResetError(), True),
        (exceptions.AuthenticationError("WRONGPASS"), False),
        (exceptions.ResponseError("WRONGTYPE"), False),
        (exceptions.NoPermissionError("NOPERM"), False),
    ],
)
def test_curable_errors(error: Exception, curable: bool) -> None:  # noqa: FBT001 - a parameter of a table
    assert is_curable(error) is curable


def test_out_of_memory_writes_nothing_and_heals(client: redis.Redis) -> None:
    runner, _, _ = faulty_runner(client)
    client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailableError, match="maxmemory"):
        runner.commit(APPEND)
    client.config_set("maxmemory", 0)
    assert runner.commit(APPEND) == Landed(2)


def test_scripts_survive_a_store_that_forgot_them(client: redis.Redis) -> None:
    runner, _, _ = faulty_runner(client)
    client.script_flush()
    assert runner.commit(APPEND) == Landed(2)


def test_the_asyncio_runner_speaks_the_same_protocol(client: redis.Redis, store_url: str) -> None:
    async def story() -> None:
        connection = connect_async(store_url)
        try:
            first, second = AsyncRunner(connection, SHARD), AsyncRunner(connection, SHARD)
            assert (await first.take_over()).fresh
            assert await first.commit(APPEND) == Landed(1)
            assert isinstance(await first.retake(), Resumed)
            loaded = await second.take_over()
            assert (loaded.buckets, loaded.offsets, second.seq) == ({"log": b"x"}, {"profiles": 1}, 1)
            assert await first.commit(APPEND) == Fenced(second.epoch)
        finally:
            await connection.aclose()

    asyncio.run(story())


def test_the_asyncio_runner_gives_up_in_time() -> None:
    async def story() -> None:
        nobody = connect_async("redis://127.0.0.1:1")
        clock = Clock()

        async def sleep(seconds: float) -> None:
            clock.sleep(seconds)

        runner = AsyncRunner(nobody, SHARD, sleep=sleep, clock=clock)
        with pytest.raises(StoreUnavailableError, match=r"redis\.url"):
            await runner.take_over()
        await nobody.aclose()

    asyncio.run(story())


def test_a_client_gives_up_by_itself_at_once() -> None:
    with connect("redis://127.0.0.1:1") as nobody, pytest.raises(exceptions.ConnectionError):
        nobody.ping()
