"""When partitions are claimed, with partitions that are nothing but that: there is neither a store nor Kafka."""

import asyncio
from typing import cast

from stream.app.monitors import Monitors
from stream.app.partition import Partition
from stream.checkpoint import Landed, Outcome, Stale

LOG = range(9)


class Bare:
    """A partition that can be taken over, and loses its state when it is told to."""

    next_offset = 0
    behind_store = False

    def __init__(self, number: int) -> None:
        self.number = number
        self.lost = asyncio.Event()

    async def take_over(self, start: int) -> None:
        self.next_offset = start

    def misfit(self, log: range, committed: int | None) -> None:
        """All is well."""

    def read_from(self, stop: int) -> None:
        """Needs no note."""

    async def watch(self, now_ms: int) -> None:
        """Tells nothing."""

    async def due(self) -> None:
        await self.lost.wait()

    async def checkpoint(self) -> Outcome:
        return Stale(0) if self.lost.is_set() else Landed(1)


class SlowLog:
    """A consumer whose seek takes until it is let go."""

    def __init__(self) -> None:
        self.seeking, self.sought = asyncio.Event(), asyncio.Event()

    async def restart(self) -> None:
        self.seeking.set()
        await self.sought.wait()

    async def ends(self, _: int) -> range:
        return LOG

    def rejoin(self) -> None:
        """Nobody asks."""


def test_a_partition_lost_while_another_is_sought_back_is_claimed_after_that() -> None:
    async def story() -> None:
        failures: list[BaseException] = []
        made: dict[int, Bare] = {}

        def make(number: int) -> Partition:
            made[number] = Bare(number)
            return cast("Partition", made[number])

        monitors, log = Monitors(make, failures.append, sleep=lambda _: asyncio.sleep(0.001)), SlowLog()
        monitors.log = log
        await monitors.assign({0: LOG, 1: LOG})
        await monitors.handle(0, 5, b"")
        await log.seeking.wait()
        made[1].lost.set()
        while not monitors.unowned:  # noqa: ASYNC110 - the loss has no event
            await asyncio.sleep(0.001)
        log.sought.set()
        while monitors.unowned and not failures:  # noqa: ASYNC110 - nor has the claim
            await asyncio.sleep(0.001)
        assert failures == []
        await monitors.stop()

    async def in_time() -> None:
        async with asyncio.timeout(5):
            await story()

    asyncio.run(in_time())
