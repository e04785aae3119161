"""One sender per process: started by the first event, left behind at fork, flushed at exit."""

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from tidegauge.recorder import sender
from tidegauge.recorder.sender import Sender
from tidegauge.recorder.stats import OnDrop, RecorderStats


class SenderOfProcess:
    """The sender of the process that asks.

    librdkafka does not survive a fork: its threads stay in the parent, and so do what was queued and the counts. So a
    server that loads the service and then forks its workers should have no such threads yet: nothing is started
    before the first event, and a forked child that records starts its own.

    Raises
    ------
    SettingsError
        When librdkafka refuses the settings.
    """

    def __init__(self, settings: Mapping[str, Any], on_drop: OnDrop | None, exit_timeout_seconds: float) -> None:
        sender.check(settings)
        self._settings = settings
        self._on_drop = on_drop
        self._exit_timeout_seconds = exit_timeout_seconds
        self._lock = threading.Lock()
        self._sender: Sender | None = None
        self._closed = False
        self._finalizer: Any = None
        _call_in_children(weakref.WeakMethod(self._forked))

    def here(self) -> Sender:
        """Find the sender, or start it."""
        found = self._sender
        if found is None:
            with self._lock:
                if (found := self._sender) is None:
                    found = self._sender = self._start()
        return found

    def stats(self) -> RecorderStats:
        """Count what became of this process's rows; one that recorded nothing has none."""
        return self._sender.stats() if self._sender else RecorderStats()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until nothing is queued; false when time ran out first."""
        return self._sender.flush(timeout_seconds) if self._sender else True

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Flush and stop; false when something had to be dropped."""
        self._closed = True
        if self._sender is None:
            return True
        clean = self._sender.close(self._exit_timeout_seconds if timeout_seconds is None else timeout_seconds)
        if clean:
            self._stay_out_of_exit()
        return clean

    def _start(self) -> Sender:
        started = Sender(self._settings, self._on_drop)
        if self._closed:
            started.close(0)  # what comes is counted as dropped
            return started
        atexit.register(self._at_exit)
        multiprocessing = sys.modules.get("multiprocessing.util")
        if multiprocessing is not None:  # its children end without running atexit
            self._finalizer = multiprocessing.Finalize(None, self._at_exit, exitpriority=0)
        return started

    def _stay_out_of_exit(self) -> None:
        """Take back what `_start` registered: either registry would keep this, and its producer, for ever."""
        atexit.unregister(self._at_exit)
        finalizer, self._finalizer = self._finalizer, None
        if finalizer is not None:
            finalizer.cancel()

    def _at_exit(self) -> None:
        if not self.close() and self._sender is not None:
            self._sender.abandon()  # it may be stuck, and may not keep the process from ending

    def _forked(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have held the old one
        self._stay_out_of_exit()
        if self._sender is not None:
            self._sender.abandon()
        self._sender = None


def _call_in_children(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    """Call a method in forked children for as long as its object lives: what is registered stays for ever."""

    def in_child() -> None:
        if (call := method()) is not None:
            call()

    os.register_at_fork(after_in_child=in_child)
