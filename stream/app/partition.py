"""One partition of `profiles`: its monitor's core, its checkpoint, its outbox."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from stream.app.contract import Core, MakeCore, Publisher
from stream.checkpoint import (
    AsyncRunner,
    Delta,
    Landed,
    Loaded,
    Outcome,
    Resumed,
    StateLostError,
    StoreUnavailableError,
)
from stream.checkpoint.fit import Log, Misfit, misfit
from stream.model.catalog import Catalog
from stream.monitor.outputs import HistorySnapshot, LearnedModel, LearnedReference
from tidegauge.alerts import Alert
from tidegauge.errors import DecodeError

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often a dirty partition is written, seconds of the wall clock; cost and delay, no answer depends on it."""

    checkpoint_seconds: float = 0.5
    urgent_seconds: float = 0.2
    retry_seconds: float = 0.5
    breath_seconds: float = 0.02


class Partition:
    """What one worker holds of one partition between takeover and release.

    Everything happens in one event loop; what a record makes due is one round, and nothing is written in the middle
    of it. The order that makes it exact: apply, checkpoint (state, offset, outbox),
    publish, delivery report, checkpoint (outbox without it). A crash anywhere repeats a message, never loses one.

    Parameters
    ----------
    number : int
        Partition number.
    topic : str
        Name under which its next offset is stored.
    runner : AsyncRunner
        Its checkpoints.
    make_core : callable
        A new, empty core for a partition number and a catalog.
    catalog : callable
        Gives the newest catalog; asked before each message, must not block.
    publisher : Publisher
        Where outputs go.
    cold_start : bool
        Go on without what is lost, in place of StateLostError.
    """

    def __init__(
        self,
        number: int,
        topic: str,
        runner: AsyncRunner,
        make_core: MakeCore,
        catalog: Callable[[], Catalog],
        publisher: Publisher,
        pace: Pace | None = None,
        *,
        cold_start: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number = number
        self.next_offset = 0
        self.undecodable = 0
        self.written: int | None = None
        self._topic = topic
        self._runner = runner
        self._make_core = make_core
        self._catalog = catalog
        self._seen = catalog()
        self._core: Core = make_core(number, self._seen)
        self._publisher = publisher
        self._pace = pace or Pace()
        self._cold_start = cold_start
        self._clock = clock
        self._lock = asyncio.Lock()
        self._round = asyncio.Lock()
        self._half_decided = False
        self._breathed = 0.0
        self._sending: set[int] = set()
        self._doubt: _Written | None = None
        self._behind_since: float | None = None
        self._lost: Outcome | None = None
        self._dirty = asyncio.Event()
        self._urgent = asyncio.Event()
        self._last = 0.0
        self._caught_up_at = 0
        self._accepted = False

    @property
    def unowned(self) -> frozenset[int]:
        """Shards that nobody reports."""
        return self._core.unowned

    @property
    def behind_store(self) -> bool:
        """Whether the last checkpoint found no store: nothing more should be applied until one lands."""
        return self._doubt is not None

    @property
    def behind_seconds(self) -> float:
        """How long checkpoints have found no store."""
        return 0.0 if self._behind_since is None else self._clock() - self._behind_since

    async def take_over(self, start: int) -> None:
        """Own the partition; what is in memory stays if nobody else was there.

        `start` is the offset of a partition without state. Raises as `AsyncRunner.retake`, and StateLostError for a
        state that cannot be read.
        """
        try:
            self._take_in(await self._runner.retake(), start)
        except StateLostError as error:
            if not self._cold_start:
                raise
            await self._begin_anew(error.fact, start)
        # The offset is claimed at once: a shard that was taken over leaves a trace even if nothing ever comes.
        self._mark()

    def misfit(self, log: range, committed: int | None = None) -> Misfit | None:
        """Return why the state does not fit the records [start, stop) of the log; None when it does.

        `committed` is the group's offset: that of a partition without state says that there was one.
        """
        offsets = {} if committed is None else {self._topic: committed}
        fresh = self.written is None and not self._accepted
        return misfit(
            self._runner.shard, {self._topic: self.next_offset}, Log({self._topic: log}, offsets), fresh=fresh
        )

    async def accept(self, trouble: Misfit, log: range) -> None:
        """Go on without what is lost, if a person asked for that; StateLostError otherwise.

        Snapshots that expired unread are as lost as state: windows would be decided without them.
        """
        if not self._cold_start:
            raise StateLostError(trouble.text)
        if trouble.trouble == "gap":
            self._lose(trouble.text)
            self.next_offset = log.start
        else:
            await self._begin_anew(trouble.text, log.start)

    def read_from(self, stop: int) -> None:
        """Note where the log ended at the start: before that is read, nothing is known of what does not come."""
        self._caught_up_at = stop

    async def watch(self, now_ms: int) -> None:
        """Tell of what the wall clock shows."""
        async with self._round:
            if self.next_offset < self._caught_up_at or self.behind_store or self._half_decided:
                return
            if self._core.watch(now_ms):
                self._mark(urgent=True)

    def _take_in(self, state: Loaded | Resumed, start: int) -> None:
        self._doubt = self._lost = self._behind_since = None
        if isinstance(state, Resumed):
            return
        self._seen = self._catalog()
        self._core = self._make_core(self.number, self._seen)
        try:
            self._core.load(state.fields)
            if self._cold_start:  # now is the time to find what is damaged: later nobody could go on without it
                self._core.check()
        except (ValueError, LookupError, TypeError) as error:
            # msgspec's errors and SnapshotError are ValueErrors.
            text = f"the state of {self._runner.shard.tag} cannot be read, is it damaged? ({error})"
            raise StateLostError(text) from error
        self._sending.clear()
        self._accepted = False
        self.written = state.offsets.get(self._topic)
        self.next_offset = start if self.written is None else self.written

    async def _begin_anew(self, text: str, start: int) -> None:
        await self._runner.forget()
        self._take_in(await self._runner.retake(), start)
        self._accepted = True
        self._lose(text)

    def _lose(self, text: str) -> None:
        _LOG.warning("%s[%d] goes on without what is lost (--cold-start): %s", self._topic, self.number, text)
        self._core.lose(text, int(time.time() * 1000))
        self._mark(urgent=True)

    async def apply(self, offset: int, value: bytes | None) -> None:
        """Take in the record at the next offset, and decide what it made due; the event loop has turns meanwhile.

        A backlog is minutes of decisions one after the other: heartbeats, rebalances and the watchdog cannot wait.
        """
        async with self._round:
            self._follow_catalog()
            try:
                if value is not None:
                    self._core.apply(value)
            except DecodeError as error:
                self.undecodable += 1
                _LOG.warning("%s[%d]@%d cannot be read, skipped: %s", self._topic, self.number, offset, error)
            self.next_offset = offset + 1
            self._mark()
            self._half_decided = True
            steps = iter(self._core.steps())
            try:
                for outputs in steps:
                    if any(isinstance(output, Alert) for output in outputs):
                        self._mark(urgent=True)
                    await self._breathe()
            except asyncio.CancelledError:
                for _ in steps:
                    pass
                self._half_decided = False
                raise
            self._half_decided = False

    async def _breathe(self) -> None:
        if self._clock() - self._breathed > self._pace.breath_seconds:
            await asyncio.sleep(0)
            self._breathed = self._clock()

    async def due(self) -> None:
        """Wait until a checkpoint is wanted: half a second after the last, earlier if an alert changed."""
        await self._dirty.wait()
        if self.behind_store:
            await asyncio.sleep(self._pace.retry_seconds)
            return
        remaining = self._last + self._pace.checkpoint_seconds - self._clock()
        if remaining > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), remaining)
        await asyncio.sleep(max(0.0, self._last + self._pace.urgent_seconds - self._clock()))

    async def checkpoint(self) -> Outcome | None:
        """Write what changed, then publish what it holds; None: the store is away, the same will be tried again.

        Raises as `AsyncRunner.commit`, but for StoreUnavailableError.
        """
        async with self._lock:
            if self._lost is not None:  # found out by the call that held the lock before
                return self._lost
            self._last = self._clock()
            self._dirty.clear()
            self._urgent.clear()
            again = self._doubt is not None
            async with self._round:
                if self._half_decided:
                    raise RuntimeError(f"{self._topic}[{self.number}] failed in the middle: nothing of it is written")
                written = self._doubt = self._doubt or self._take()
            try:
                outcome = await self._runner.commit(written.delta)
            except StoreUnavailableError as error:
                _LOG.warning("%s[%d]: %s", self._topic, self.number, error)
                self._behind_since = self._clock() if self._behind_since is None else self._behind_since
                self._mark()
                return None
            self._doubt = self._behind_since = None
            self._lost = None if isinstance(outcome, Landed) else outcome
            if again:
                self._mark()
        if isinstance(outcome, Landed):
            self.written = written.delta.offsets[self._topic]
            self._publish(written.outputs)
        return outcome

    def _follow_catalog(self) -> None:
        catalog = self._catalog()
        if catalog is not self._seen:
            self._seen = catalog
            self._core.set_catalog(catalog)

    def _take(self) -> "_Written":
        outputs = max((number for number, _ in self._core.pending()), default=-1)
        return _Written(Delta(fields=self._core.dirty_fields(), offsets={self._topic: self.next_offset}), outputs)

    def _publish(self, last: int) -> None:
        """Send outputs up to number `last`: those that the store holds.

        A snapshot says that everything before it was decided, so whoever begins from it tells none of that again: it
        waits until Kafka has all that was decided before it.
        """
        pending = self._core.pending()
        for number, output in pending:
            if number > last:
                return
            if number in self._sending or (isinstance(output, HistorySnapshot) and number > pending[0][0]):
                continue
            if self._publisher.publish(output, partial(self._done, self._core, number)):
                self._sending.add(number)
                continue
            self._mark()
            if not isinstance(output, LearnedModel | LearnedReference):
                return
            # One change of `models` is written at a time; alerts do not wait for it.

    def _done(self, core: Core, number: int, acknowledged: bool) -> None:  # noqa: FBT001 - the signature of a callback
        if core is not self._core:
            return
        self._sending.discard(number)
        if acknowledged:
            core.delivered(number)
        self._mark()

    def _mark(self, *, urgent: bool = False) -> None:
        self._dirty.set()
        if urgent:
            self._urgent.set()


@dataclass(frozen=True)
class _Written:
    """A delta on its way, and the number of the newest output in it."""

    delta: Delta
    outputs: int
