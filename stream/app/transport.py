"""The one module that knows Faust's inside: start offsets from our store instead of Kafka's commits.

Faust seeks only in `seek_to_committed`, after every rebalance; whatever hooks do before is undone by it. So that is
where partitions are taken over. Its own commits go on and are advisory: lag tools read them, nothing else does.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP
from mode import Service
from yarl import URL

from stream.app.contract import StartOffsets
from stream.errors import ConfigurationError

_LOG: Final = logging.getLogger(__name__)

CHECK_SECONDS: Final = 1.0
PARK_SECONDS: Final = 5.0
"""How long a fetch under way may take to end before a seek in mid-stream; one takes a second at most."""


class OwnedConsumer(Consumer):
    """Faust's consumer, with offsets and ownership from `OwnedTransport.offsets`."""

    transport: "OwnedTransport"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._claimable = False
        self._parked = asyncio.Event()
        self._restarting = asyncio.Lock()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Allow takeovers: from here on the group says that the partitions are ours."""
        self._claimable = True
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop the flow (Faust), then checkpoint and give up what was owned; the group waits for both."""
        self._claimable = False
        await super().on_partitions_revoked(revoked)
        await self.transport.offsets.release({tp.partition for tp in revoked if tp.topic == self.transport.topic})

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Own what is assigned, and seek to where its state stands.

        Faust calls it after a rebalance, and again whenever a fetch returns while the flow is stopped. In the middle
        of a rebalance nothing is assigned, whatever the consumer still believes.
        """
        assigned = {tp for tp in self.assignment() if tp.topic == self.transport.topic}
        if not self._claimable or not assigned:
            return {}
        first, last = await asyncio.gather(self.earliest_offsets(*assigned), self.highwaters(*assigned))
        log = {tp.partition: range(first[tp], last[tp]) for tp in assigned}
        offsets = await self.transport.offsets.assign(log, await self._committed(assigned))
        # A rebalance may have begun meanwhile: what is not assigned any more cannot be sought.
        still = self.assignment()
        starts = {tp: offsets[tp.partition] for tp in assigned if tp in still}
        await self.seek_wait(starts)
        return starts

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit what the store holds, and no more: a committed offset says that there was state.

        Not while the group rebalances: commits are refused then, and make aiokafka join once more.
        """
        written = {tp: self.transport.offsets.written(tp.partition) for tp in offsets}
        known = {tp: min(offset, limit) for tp, offset in offsets.items() if (limit := written[tp]) is not None}
        return bool(known) and not self.app.rebalancing and bool(await super()._commit(known))

    async def _committed(self, places: Collection[TP]) -> dict[int, int]:
        """Ask for the group's offsets; partitions without one are left out."""

        async def ask() -> dict[int, int]:
            consumer = self._thread._ensure_consumer()  # noqa: SLF001 - Faust asks for all assigned or for none
            found = {tp.partition: await consumer.committed(TopicPartition(tp.topic, tp.partition)) for tp in places}
            return {partition: offset for partition, offset in found.items() if offset is not None}

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ask(), self._thread.thread_loop))

    async def ends(self, partition: int) -> range:
        """Ask for the records [start, stop) that the log of a partition holds now."""
        tp = TP(self.transport.topic, partition)
        first, last = await asyncio.gather(self.earliest_offsets(tp), self.highwaters(tp))
        return range(first[tp], last[tp])

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        if not self.flow_active:
            self._parked.set()
        try:
            return await super()._wait_next_records(timeout)
        finally:
            self._parked.clear()

    async def wait_for_stopped_flow(self) -> None:
        """Wait until no fetch is under way and none of its records is being delivered (Faust's own does not wait)."""
        await asyncio.wait_for(self._parked.wait(), PARK_SECONDS)

    async def restart(self) -> None:
        """Seek in mid-stream to the next owned offsets; nothing that was fetched before is delivered after.

        During a rebalance there is nothing to do: it ends with the same seek.
        """
        async with self._restarting:
            if self.app.rebalancing:
                return
            self.stop_flow()
            self.app.flow_control.suspend()
            try:
                await self.wait_for_stopped_flow()
                await self.perform_seek()
            except (TimeoutError, KafkaError) as error:
                _LOG.warning("not sought yet, the records that come next will be sought back again: %r", error)
            finally:
                if not self.app.rebalancing:
                    self.app.flow_control.clear()
                    self.app.flow_control.resume()
                    self.resume_flow()

    def rejoin(self) -> None:
        """Ask the group for a new assignment; all its members are asked to join again."""
        self._thread.thread_loop.call_soon_threadsafe(self._coordinator.request_rejoin)

    @Service.task
    async def _watch_coordinator(self) -> None:
        """Take notice of the group's errors: aiokafka waits until somebody does, and Faust never looks.

        Without this a worker whose join failed once sits idle for ever.
        """
        await self.sleep(CHECK_SECONDS)
        async for _ in self.itertimer(CHECK_SECONDS, name="coordinator"):
            try:
                await self._in_thread(self._check_coordinator)
            except (GroupAuthorizationFailedError, TopicAuthorizationFailedError) as error:
                await self.crash(ConfigurationError(f"Kafka refuses READ on the group or on `profiles`: {error}"))
            except KafkaError as error:
                _LOG.warning("the group refused this worker, joining again: %s", error)

    async def on_stop(self) -> None:
        """Leave the group; do not wait for a join under way, which the other members may hold up for seconds."""
        if self.app.rebalancing and self._thread._consumer is not None:  # noqa: SLF001 - not started: nothing to leave
            await self._in_thread(self._abandon_join)
        await super().on_stop()

    async def _abandon_join(self) -> None:
        joining = self._coordinator._coordination_task  # noqa: SLF001 - closing would wait for it
        joining.cancel()
        await asyncio.wait({joining}, timeout=CHECK_SECONDS)
        # Without a generation no leave is sent: it would queue behind the join. The session's end does the same.
        self._coordinator.reset_generation()

    async def _check_coordinator(self) -> None:
        if self._coordinator._coordination_task.done():  # noqa: SLF001 - there is no public way to ask
            raise RuntimeError("aiokafka's group coordination ended")
        self._coordinator.check_errors()

    async def _in_thread(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._thread.thread_loop))

    @property
    def _coordinator(self) -> Any:
        return self._thread._ensure_consumer()._coordinator  # noqa: SLF001 - aiokafka offers no public way to rejoin


class OwnedTransport(Transport):
    """Faust's Kafka transport with our consumer.

    Parameters
    ----------
    url : sequence of URL
        Brokers.
    app : faust.App
        Set `app.transport` to this object before the app starts.
    topic : str
        The topic whose partitions are owned.
    offsets : StartOffsets
        Who owns them.
    """

    Consumer = OwnedConsumer

    def __init__(self, url: Sequence[URL], app: Any, *, topic: str, offsets: StartOffsets) -> None:
        super().__init__(list(url), app)
        self.topic = topic
        self.offsets = offsets
