"""The whole worker, as `tidegauge worker` runs it, with a line on stdout for each line on stdin: what it used so far.

Nothing in the worker is changed or switched off. The profiler's class is replaced by a subclass that only remembers
the instance, so that its count of messages can be read. A third argument, JSON, sets a cadence other than the default.
"""

import asyncio
import json
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from load.bench.subjects.threads import cpu_by_role
from load.peers.meter import peak_rss_bytes
from stream.app import assemble
from stream.cli.logs import configure_logs
from stream.config import load_settings
from stream.profiler import Cadence, ProfilerConfig, ProfilerThread

WATCH_SECONDS = 0.005


class WatchedProfiler(ProfilerThread):
    """Remembers itself."""

    running: "WatchedProfiler | None" = None

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        type(self).running = self

    @classmethod
    def messages(cls) -> int:
        """Messages taken from both topics so far."""
        return 0 if cls.running is None else cls.running.status.totals.messages


class Progress:
    """When the first and the last of the expected messages were taken, and the CPU used before that."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.started = cpu_by_role()
        self.before = self.started
        self.first = self.last = 0.0
        self.first_at = 0.0
        self.longest_pause = 0.0
        self.done = False

    def watch(self) -> None:
        """Look until all are taken."""
        before = 0
        while not self.done:
            seen, now = WatchedProfiler.messages(), time.perf_counter()
            if seen and not self.first:
                # What librdkafka has fetched ahead by now belongs to the messages it fetched.
                self.first, self.before = now, {**cpu_by_role(), "librdkafka": self.started["librdkafka"]}
                self.last, self.first_at = now, time.time()
            if seen > before:
                self.longest_pause = max(self.longest_pause, now - self.last)
                before, self.last = seen, now
            self.done = seen >= self.expected
            time.sleep(WATCH_SECONDS)


def answer(progress: Progress) -> None:
    """Answer every line of stdin with a line of JSON; after `forget` the longest pause counts anew."""
    for asked in sys.stdin:
        status = None if WatchedProfiler.running is None else WatchedProfiler.running.status
        used = {role: seconds - progress.before[role] for role, seconds in cpu_by_role().items() if role != "all"}
        line = {
            "cpu": {**used, "all": sum(used.values())},
            "start_cpu_seconds": progress.before["all"] - progress.started["all"],
            "peak_rss_bytes": peak_rss_bytes(),
            "messages": WatchedProfiler.messages(),
            "done": progress.done,
            "wall_seconds": progress.last - progress.first,
            "first_at": progress.first_at,
            "longest_pause_seconds": progress.longest_pause,
            "predictions": 0 if status is None else sum(s.predictions.accepted for s in status.shards),
            "labels": 0 if status is None else sum(s.labels.accepted for s in status.shards),
            "checkpoints": 0 if status is None else status.totals.checkpoints,
            "checkpoint_bytes": 0 if status is None else status.totals.checkpoint_bytes,
            "published_bytes": 0 if status is None else status.totals.published_bytes,
            "published_messages": 0 if status is None else status.totals.published_messages,
            "takeovers": 0 if status is None else status.totals.takeovers,
            "shards": 0 if status is None else len(status.shards),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        if asked.strip() == "forget":
            progress.longest_pause = 0.0


def main() -> None:
    """Run a worker until SIGTERM."""
    settings, expected = load_settings(Path(sys.argv[1])), int(sys.argv[2])
    configure_logs("text")
    assemble.ProfilerThread = WatchedProfiler  # type: ignore[misc]
    if len(sys.argv) > 3:
        cadence = Cadence(**json.loads(sys.argv[3]))
        assemble.ProfilerConfig = partial(ProfilerConfig, cadence=cadence)  # type: ignore[misc]
    progress = Progress(expected)
    threading.Thread(target=progress.watch, name="watch", daemon=True).start()
    threading.Thread(target=answer, args=(progress,), name="answer", daemon=True).start()
    asyncio.run(assemble.run_worker(settings))


if __name__ == "__main__":
    main()
