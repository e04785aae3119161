"""What errors of a client leave behind goes away, though the collector is calm."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis.exceptions import NoScriptError

from stream.app.tidy import tidy


class Shard:
    """Something large."""


@pytest.fixture
def _calm() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def answer() -> None:
    """Raise as redis-py does: the frame holds the error, and the error the frame."""
    response = NoScriptError("no matching script")
    raise response


def write(shard: Shard) -> None:
    """Call a client that fails once."""
    assert isinstance(shard, Shard)
    with suppress(NoScriptError):
        answer()


@pytest.mark.usefixtures("_calm")
def test_a_shard_that_an_error_holds_is_given_back() -> None:
    shard = Shard()
    gone = weakref.ref(shard)
    write(shard)
    del shard
    assert gone() is not None  # the control: nothing else would let go of it

    async def wait() -> None:
        tidying = asyncio.create_task(tidy(0.01))
        while gone() is not None:
            assert not tidying.done()
            await asyncio.sleep(0.01)
        tidying.cancel()

    asyncio.run(asyncio.wait_for(wait(), 20))
