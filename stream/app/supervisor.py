"""Threads as services of the worker: started with it, stopped with it, and never dying in silence."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from mode import Service

WATCH_SECONDS: Final = 0.2
STOP_SECONDS: Final = 3.2


class Thread(Protocol):
    """Work in a thread of its own, such as `stream.profiler.ProfilerThread`."""

    @property
    def failure(self) -> Exception | None:
        """Why it ended by itself."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self, timeout: float = ...) -> bool:
        """Finish what is held and end; whether that was done within `timeout` seconds."""


class ThreadService(Service):
    """One thread under mode's supervision.

    Parameters
    ----------
    name : str
        For messages.
    thread : Thread
        Not yet started.
    fail : callable
        Told when the thread ended by itself.
    """

    def __init__(self, name: str, thread: Thread, fail: Callable[[BaseException], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._name = name
        self._thread = thread
        self._fail = fail

    async def on_start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def on_stop(self) -> None:
        """Let it finish, off the event loop."""
        await asyncio.to_thread(self._thread.stop, STOP_SECONDS)

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(WATCH_SECONDS)
            if not self._thread.alive and not self.should_stop:
                self._fail(self._thread.failure or RuntimeError(f"the {self._name} ended unasked"))
                return
