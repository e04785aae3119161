"""CPU of this process by what its threads are for."""

import os
import threading
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
ROLES = {"MainThread": "monitor", "profiler": "profiler"}
"""The worker's main thread runs the event loop: the monitors, Faust, the web server."""


def cpu_by_role() -> dict[str, float]:
    """Return seconds of CPU so far: "monitor", "profiler", "librdkafka", "other", and their sum "all"."""
    names = {thread.native_id: ROLES.get(thread.name, "other") for thread in threading.enumerate()}
    used = dict.fromkeys((*ROLES.values(), "librdkafka", "other"), 0.0)
    for task in Path("/proc/self/task").iterdir():
        try:
            seconds = int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
            name = (task / "comm").read_text(encoding="utf-8").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        role = "librdkafka" if name.startswith("rdk:") else names.get(int(task.name), "other")
        used[role] += seconds
    everything = time.process_time()
    # What threads used that have ended since belongs to the process, and to nobody in particular.
    used["other"] += max(everything - sum(used.values()), 0.0)
    return {**used, "all": everything}
