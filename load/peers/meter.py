"""CPU, time and memory of this process, as a file of JSON; needs nothing but the standard library."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULT = "result.json"
"""In the working folder: stdout belongs to the frameworks, and some of them fill it."""


@dataclass(frozen=True)
class Task:
    """What a contestant is given, as JSON in its first argument.

    `predictions` and `labels` say how many messages there are in each topic; `state` is an empty folder.
    """

    bootstrap: str
    predictions_topic: str
    labels_topic: str
    predictions: int
    labels: int
    partitions: int
    group: str
    state: str
    extra: dict[str, Any]

    @classmethod
    def given(cls) -> "Task":
        """Read it from the command line."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def messages(self) -> int:
        """Messages in both topics."""
        return self.predictions + self.labels


class Meter:
    """Measures from `begin` to `end`: CPU of all threads, and the wall clock."""

    def __init__(self) -> None:
        self._cpu = self._wall = 0.0
        self.begun = False

    def begin(self) -> None:
        """Start the measurement; later calls do nothing."""
        if not self.begun:
            self.begun = True
            self._cpu, self._wall = time.process_time(), time.perf_counter()

    def end(self, **more: object) -> None:
        """Write down what was used; `more` goes along."""
        used = {
            "cpu_seconds": time.process_time() - self._cpu,
            "wall_seconds": time.perf_counter() - self._wall,
            "peak_rss_bytes": peak_rss_bytes(),
        }
        Path(RESULT).write_text(json.dumps({**used, **more}), encoding="ascii")


def peak_rss_bytes() -> int:
    """Greatest resident memory so far (of this program alone: `ru_maxrss` would remember the parent's)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
