"""The partitions of `profiles` that this worker owns: taken over, written, fenced, given up."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from detectors.errors import SnapshotError
from stream.app.partition import Partition
from stream.checkpoint import Fenced, Stale, StateLostError, StoreUnavailableError, TakenOverError
from stream.errors import LostStateError

_LOG: Final = logging.getLogger(__name__)

PARK_SECONDS: Final = 30.0
"""A partition that comes back within this time goes on from memory, if nobody else was there."""
CLAIM_SECONDS: Final = 0.5
"""Between attempts to own what could not be owned."""
WATCH_SECONDS: Final = 2.0
NOTHING: Final[Mapping[int, int]] = MappingProxyType({})
FENCED_SECONDS: Final = 15.0
"""After a fence the group decides anew within a session; if it has not by then, the partition is claimed again."""


class Log(Protocol):
    """The consumer, as far as ownership needs it."""

    async def ends(self, partition: int) -> range:
        """Ask for the records [start, stop) that the log of a partition holds now."""

    async def restart(self) -> None:
        """Seek every owned partition to its next offset, in mid-stream, with nothing stale delivered after."""

    def rejoin(self) -> None:
        """Ask the group for a new assignment."""


class Monitors:
    """Owner of partitions; all of it runs in one event loop.

    Parameters
    ----------
    make_partition : callable
        A partition by number, not yet taken over.
    fail : callable
        Told about an error after which this process must not go on; called once.
    """

    def __init__(
        self,
        make_partition: Callable[[int], Partition],
        fail: Callable[[BaseException], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.log: Log | None = None
        self._make = make_partition
        self._fail = fail
        self._clock = clock
        self._sleep = sleep
        self._owned: dict[int, Partition] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._parked: dict[int, tuple[float, Partition]] = {}
        self._assigned: dict[int, range] = {}
        self._committed: Mapping[int, int] = {}
        self._not_before: dict[int, float] = {}
        self._watching: asyncio.Task[None] | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._failed = False
        self._unowned_since: float | None = None

    @property
    def owned(self) -> Mapping[int, Partition]:
        """Partitions this worker may write, as far as it knows."""
        return self._owned

    @property
    def unowned(self) -> frozenset[int]:
        """Partitions the group has given to this worker that it does not own yet."""
        return frozenset(self._assigned) - frozenset(self._owned)

    @property
    def unowned_seconds(self) -> float:
        """How long some partition has been assigned without being owned."""
        return 0.0 if self._unowned_since is None or not self.unowned else self._clock() - self._unowned_since

    @property
    def behind_seconds(self) -> float:
        """How long the store has refused the checkpoints of some partition."""
        return max((partition.behind_seconds for partition in self._owned.values()), default=0.0)

    async def assign(self, log: Mapping[int, range], committed: Mapping[int, int] = NOTHING) -> dict[int, int]:
        """Own these partitions; see `StartOffsets.assign`."""
        self._assigned, self._committed = dict(log), committed
        self._unowned_since = self._clock()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="watch")
        await self._claim_due()
        if self.unowned:
            self._claim_later()
        for number in self._owned.keys() & log.keys():
            try:
                await self._fit(self._owned[number], log[number])
            except LostStateError as error:
                self._drop(number)
                self._give_up(error)
        return {n: self._owned[n].next_offset if n in self._owned else span.stop for n, span in log.items()}

    async def release(self, partitions: set[int]) -> None:
        """Checkpoint and give up; see `StartOffsets.release`."""
        for number in partitions:
            self._assigned.pop(number, None)
            self._not_before.pop(number, None)
        going = [partition for number, partition in self._owned.items() if number in partitions]
        await asyncio.gather(*(self._park(partition) for partition in going))

    def written(self, partition: int) -> int | None:
        """Next offset as the store holds it; see `StartOffsets.written`."""
        owned = self._owned.get(partition)
        return None if owned is None else owned.written

    async def handle(self, number: int, offset: int, value: bytes | None) -> None:
        """Take in one record; what is not the next one owned is skipped, what is too far is sought back."""
        partition = self._owned.get(number)
        if partition is None or offset < partition.next_offset or self._failed:
            return
        while partition.behind_store:
            # Back-pressure: the buffers fill, fetching stops, memory is bounded.
            await self._sleep(CLAIM_SECONDS / 5)
            if self._owned.get(number) is not partition:
                return
        if offset > partition.next_offset:
            _LOG.warning(
                "partition %d: record %d came, %d is next: seeking back", number, offset, partition.next_offset
            )
            self._restart_later()
            return
        try:
            await partition.apply(offset, value)
        except SnapshotError as error:
            self._drop(number)
            self._give_up(StateLostError(f"a snapshot of partition {number} cannot be read ({error})"))
        except Exception as error:  # noqa: BLE001 - half-applied state must never be written, whatever went wrong
            self._drop(number)
            self._give_up(error)

    async def stop(self) -> None:
        """Checkpoint and give up everything."""
        for task in (self._claiming, self._watching):
            if task is not None:
                task.cancel()
        await self.release(set(self._assigned) | set(self._owned))

    async def _claim_due(self) -> bool:
        """Try to own what is not owned and may be; whether anything was."""
        async with self._lock:
            due = [n for n in sorted(self.unowned) if self._not_before.get(n, 0.0) <= self._clock()]
            return any([await self._claim(number) for number in due])

    async def _claim(self, number: int) -> bool:
        log = self._assigned.get(number)
        if log is None:  # revoked meanwhile
            return False
        parked = self._parked.pop(number, None)
        recent = parked is not None and self._clock() - parked[0] < PARK_SECONDS
        partition = parked[1] if parked is not None and recent else self._make(number)
        try:
            await partition.take_over(log.start)
            await self._fit(partition, log)
            partition.read_from(log.stop)
        except (StoreUnavailableError, TakenOverError) as error:
            _LOG.warning("partition %d is not owned yet: %s", number, error)
            return False
        except LostStateError as error:
            # Not raised: Faust would tell of it too, with a traceback. The process ends.
            self._give_up(error)
            return False
        except Exception as error:
            self._give_up(error)
            raise
        if number not in self._assigned:
            return False
        self._owned[number] = partition
        self._tasks[number] = asyncio.create_task(self._write(partition), name=f"checkpoints-{number}")
        _LOG.info("partition %d is owned from offset %d", number, partition.next_offset)
        return True

    async def _fit(self, partition: Partition, log: range) -> None:
        """Raise StateLostError, or go on if a person asked for that, when a state does not fit its log.

        The log's end was asked for before the takeover: a zombie may have written beyond it since, so ask again.
        """
        committed = self._committed.get(partition.number)
        trouble = partition.misfit(log, committed)
        if trouble is not None and self.log is not None:
            log = await self.log.ends(partition.number)
            trouble = partition.misfit(log, committed)
        if trouble is not None:
            await partition.accept(trouble, log)

    async def _watch(self) -> None:
        """Let every owned partition look at the clock, for as long as this worker lives."""
        try:
            while True:
                await self._sleep(WATCH_SECONDS)
                self._forget_old()
                for partition in list(self._owned.values()):
                    await partition.watch(int(time.time() * 1000))
        except Exception as error:  # noqa: BLE001 - a task nobody awaits must not end in silence
            self._give_up(error)

    async def _write(self, partition: Partition) -> None:
        """Checkpoint one partition whenever it is due, for as long as it is owned."""
        try:
            while True:
                await partition.due()
                outcome = await partition.checkpoint()
                if isinstance(outcome, Fenced | Stale):
                    self._lose(partition, outcome)
                    return
        except Exception as error:  # noqa: BLE001 - a task nobody awaits must not end in silence
            self._drop(partition.number)
            self._give_up(error)

    def _lose(self, partition: Partition, outcome: Fenced | Stale) -> None:
        number = partition.number
        _LOG.warning("partition %d: %s; what was not written is read again", number, outcome)
        self._drop(number)
        self._unowned_since = self._clock()
        if number not in self._assigned:  # being released: the group decides already
            return
        if isinstance(outcome, Fenced) and self.log is not None:
            # Who the owner is only the group can say: ask it, and claim again if it never answers.
            self._not_before[number] = self._clock() + FENCED_SECONDS
            self.log.rejoin()
        self._claim_later()

    async def _park(self, partition: Partition) -> None:
        number = partition.number
        task = self._tasks.pop(number, None)
        try:
            outcome = await partition.checkpoint()
            if isinstance(outcome, Fenced | Stale):
                return
            self._parked[number] = (self._clock(), partition)
        except Exception as error:  # noqa: BLE001 - one partition's trouble must not keep the others from being parked
            self._give_up(error)
        finally:
            self._owned.pop(number, None)
            if task is not None:
                task.cancel()

    def _forget_old(self) -> None:
        """Give up what was parked too long: most of it has another owner by now, and a state is large."""
        limit = self._clock() - PARK_SECONDS
        self._parked = {number: entry for number, entry in self._parked.items() if entry[0] > limit}

    def _drop(self, number: int) -> None:
        self._owned.pop(number, None)
        task = self._tasks.pop(number, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _claim_later(self) -> None:
        if self._claiming is None or self._claiming.done():
            self._claiming = asyncio.create_task(self._claim_all(), name="claims")

    def _restart_later(self) -> None:
        """Seek back outside of the agent: it must be free to let the buffered records pass."""
        if self._claiming is None or self._claiming.done():
            self._claiming = asyncio.create_task(self._restart_and_claim(), name="restart")

    async def _restart_and_claim(self) -> None:
        await self._restart()
        await self._claim_all()  # what was lost meanwhile found this task under way, and left the claim to it

    async def _claim_all(self) -> None:
        while self.unowned and not self._failed:
            await self._sleep(CLAIM_SECONDS)
            if await self._claim_due():
                await self._restart()

    async def _restart(self) -> None:
        if self.log is not None:
            await self.log.restart()

    def _give_up(self, error: BaseException) -> None:
        if not self._failed:
            self._failed = True
            self._fail(error)
