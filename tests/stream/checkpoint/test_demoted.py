"""One address, and another server behind it after a failover: what is open stays with the old one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from stream.checkpoint import AsyncRunner, Loaded, ShardName, SyncRunner, connect, connect_async

SHARD = ShardName("", "monitor", 0)
READ_ONLY = "READONLY You can't write against a read only replica."
REFUSALS = [f"{READ_ONLY} script: f3, on @user_script:26.",
            f"ERR Error running script (call to f_f3): @user_script:26: @user_script: 26: -{READ_ONLY}"]  # fmt: skip
EPOCH = b"$1\r\n9\r\n"


class Address:
    """A store of which the first connection leads to a replica, and those after it to the master."""

    def __init__(self, refusal: str) -> None:
        self.connections = 0
        self._refusal = b"-" + refusal.encode() + b"\r\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        demoted = self.connections == 1
        try:
            while True:
                writer.write(self._answer(await _command(reader), demoted=demoted))
        except asyncio.IncompleteReadError:
            writer.close()

    def _answer(self, command: list[bytes], *, demoted: bool) -> bytes:
        match command:
            case [b"EVALSHA", *_]:
                return self._refusal if demoted else b"*4\r\n$5\r\nowner\r\n" + EPOCH + b"$1\r\n0\r\n" * 2
            case [b"HSCAN", key, *_]:
                return b"*2\r\n$1\r\n0\r\n" + (
                    b"*2\r\n$5\r\nepoch\r\n" + EPOCH if key == SHARD.meta.encode() else b"*0\r\n"
                )
        return b"+OK\r\n"


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    parts = int((await reader.readuntil(b"\r\n"))[1:])
    return [(await reader.readexactly(int((await reader.readuntil(b"\r\n"))[1:]) + 2))[:-2] for _ in range(parts)]


async def in_a_loop(url: str) -> Loaded:
    store = connect_async(url)
    try:
        return await AsyncRunner(store, SHARD).take_over()
    finally:
        await store.aclose()


async def in_a_thread(url: str) -> Loaded:
    def take_over() -> Loaded:
        with closing(connect(url)) as store:
            return SyncRunner(store, SHARD).take_over()

    return await asyncio.to_thread(take_over)


@pytest.mark.parametrize("refusal", REFUSALS, ids=["Redis 7", "Redis 6"])
@pytest.mark.parametrize("take_over", [in_a_loop, in_a_thread])
def test_a_demoted_master_is_left_for_the_new_one(take_over: Callable[[str], Awaitable[Loaded]], refusal: str) -> None:
    async def story() -> None:
        address = Address(refusal)
        async with await asyncio.start_server(address.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert (await take_over(f"redis://127.0.0.1:{port}/0?protocol=2")).epoch == 9
        assert address.connections == 2

    asyncio.run(story())
