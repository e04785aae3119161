"""A trap between consume and checkpoint: the worst instant for an owner to stop being one.

While the trap's file exists, the next checkpoint of the profiler does what the file says, once, just before it writes:
`stop` stops the whole process as SIGSTOP does (somebody else must continue it), a number lets only the profiler's
thread hang for so many seconds, while its heartbeats go on. The file is renamed to `*.sprung` then.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

from stream.checkpoint import Delta, Outcome, ShardName, SyncRunner

SPRUNG = ".sprung"
AFTER_SECONDS = 0.3
"""A signal reaches the other threads first: without a pause this one may still write before it stops."""


class TrapRunner(SyncRunner):
    """Writes checkpoints, but steps into the trap first if one is laid."""

    def __init__(self, client: Any, shard: ShardName, *, trap: Path, **options: Any) -> None:
        super().__init__(client, shard, **options)
        self._trap = trap

    def commit(self, delta: Delta) -> Outcome:
        """Write `delta`, unless stopped before it."""
        if self._trap.exists():
            what = self._trap.read_text(encoding="utf-8").strip()
            self._trap.rename(self._trap.with_name(self._trap.name + SPRUNG))
            if what == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
                time.sleep(AFTER_SECONDS)
            else:
                time.sleep(float(what))
        return super().commit(delta)
