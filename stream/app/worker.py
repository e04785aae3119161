"""Start, watch and stop a worker's parts, without Faust's command line."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiokafka.errors import KafkaConnectionError
from mode import Service

from stream.app.app import MonitorApp, connect_monitors
from stream.app.monitors import Monitors
from stream.app.publisher import KafkaPublisher
from stream.app.tidy import tidy
from stream.app.watchdog import Watchdog
from stream.errors import UnreachableError
from stream.profiler.pulse import Pulse

_WATCH_SECONDS: Final = 0.2
_BEAT_SECONDS: Final = 0.5
_FLUSH_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 3.6
"""SIGTERM ends the process in under 5 s, or the orchestrator's grace period would."""


class Failure:
    """The first error after which the process must not go on; told from any thread.

    Create it in the running loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.error: BaseException | None = None
        self.happened = asyncio.Event()

    def __call__(self, error: BaseException) -> None:
        """Note the error, if it is the first."""
        if self.error is None:
            self.error = error
        self._loop.call_soon_threadsafe(self.happened.set)


@dataclass(frozen=True)
class Parts:
    """Everything one worker runs; `services` (the profiler) start before the app.

    `failures` are asked a few times a second why something that is not a service has ended by itself. `pulses` are of
    threads that must not hang.
    """

    app: MonitorApp
    monitors: Monitors
    publisher: KafkaPublisher
    failure: Failure
    services: Sequence[Service] = field(default_factory=tuple)
    failures: Sequence[Callable[[], BaseException | None]] = field(default_factory=tuple)
    pulses: Sequence[Pulse] = field(default_factory=tuple)


async def serve(parts: Parts, stop: asyncio.Event) -> None:
    """Run until `stop` is set or a part fails; then checkpoint, hand over and raise what failed.

    On the way down partitions are checkpointed and released before the group is left, so that the next owner finds
    everything.
    """
    connect_monitors(parts.app, parts.monitors)
    polling = asyncio.create_task(parts.publisher.run(), name="delivery-reports")
    loop = Pulse("event loop")
    beating = asyncio.create_task(_beat(loop), name="pulse")
    tidying = asyncio.create_task(tidy(), name="tidy")
    watchdog = Watchdog([loop, *parts.pulses])
    watchdog.start()
    for service in parts.services:
        await service.start()
    starting = asyncio.create_task(parts.app.start(), name="app")
    try:
        await _watch(parts, starting, stop)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(_stop(parts, starting), _STOP_SECONDS)
        watchdog.stop()
        tidying.cancel()
        beating.cancel()
        polling.cancel()
    if parts.failure.error is not None:
        raise parts.failure.error


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT; in the running loop of the main thread."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _watch(parts: Parts, starting: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    while not stop.is_set() and not parts.failure.happened.is_set():
        if parts.app.crashed:
            parts.failure(_told(parts.app.crash_reason or RuntimeError("the monitor's app crashed")))
        elif starting.done() and (error := starting.exception()):
            parts.failure(_told(error))
        for failed in parts.failures:
            if (reason := failed()) is not None:
                parts.failure(reason)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _WATCH_SECONDS)


async def _beat(pulse: Pulse) -> None:
    while True:
        pulse.beat()
        await asyncio.sleep(_BEAT_SECONDS)


def _told(error: BaseException) -> BaseException:
    """Return an error in words for a person: Kafka may go away in the second between `ready` and the app's start."""
    if isinstance(error, KafkaConnectionError):
        return UnreachableError(f"Kafka went away while the worker started ({error}); start it again")
    return error


async def _stop(parts: Parts, starting: "asyncio.Task[None]") -> None:
    await asyncio.gather(_hand_over(parts, starting), *(service.stop() for service in parts.services))


async def _hand_over(parts: Parts, starting: "asyncio.Task[None]") -> None:
    await parts.monitors.stop()
    await parts.publisher.flush(_FLUSH_SECONDS)
    starting.cancel()
    await parts.app.stop()
