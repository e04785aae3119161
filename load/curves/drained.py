"""Workers on topics filled beforehand: CPU per event, speed, memory, Redis, until the last report."""

import time
from dataclasses import dataclass

from load.bench.stage import Scene, Stage
from load.bench.worker_run import Reports
from load.curves.bench import Bench
from load.curves.curve import Value
from load.curves.fleet import Fleet, Used
from load.curves.store import data_bytes, forget

QUIET_SECONDS = 1.0
REPORTS_SECONDS = 30.0
"""So long the monitor gets after the last message; on its first window it works out the thresholds of every feature."""


@dataclass(frozen=True)
class Drained:
    """What it took to take everything in and to report it; `complete` where the last window was reported in time."""

    events: int
    seconds: float
    used: Used
    redis_bytes: int
    reports: int
    complete: bool

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per event, all processes and threads but the event loops: those work by windows."""
        return (self.used.cpu_seconds - self.used.monitor_seconds) / self.events * 1e6

    def figures(self) -> dict[str, Value]:
        """Return what every curve of this kind shows."""
        return {
            "CPU us/event": self.cpu_us,
            "events/s": self.events / self.seconds,
            "monitor CPU s": self.used.monitor_seconds,
            "reports": self.reports,
            "all reported": "yes" if self.complete else "no",
            "RSS MB": self.used.peak_rss_bytes / 1e6,
            "Redis MB": self.redis_bytes / 1e6,
            "published MB": self.used.published_bytes / 1e6,
            "checkpoints MB": self.used.checkpoint_bytes / 1e6,
        }


def drain(bench: Bench, stage: Stage, events: int) -> Drained:
    """Let one worker take in so many predictions with their labels, which are there before it."""
    scene = stage.watched(events)
    with Fleet(scene) as fleet:
        return _measured(bench, scene, fleet)


def share(bench: Bench, stage: Stage, events: int, workers: int) -> Drained:
    """Let several take them in, sent at once when each owns its shards: else the first to start would have them all."""
    stage.encode(events)  # before anybody waits for it
    scene = stage.empty()
    with Fleet(scene, workers) as fleet:
        fleet.wait_shared(scene.partitions)
        return _measured(bench, stage.fill(scene, events), fleet)


def _measured(bench: Bench, scene: Scene, fleet: Fleet) -> Drained:
    reports = Reports(scene, bench.servers.kafka)
    try:
        used = fleet.wait("the last message", lambda used: used.messages >= scene.messages, 240.0)
        seconds = time.time() - used.first_at
        used, complete = _reported(fleet, reports)
        held = data_bytes(bench, scene)
    finally:
        reports.close()
    forget(bench, scene)
    return Drained(scene.messages, seconds, used, held, reports.count, complete)


def _reported(fleet: Fleet, reports: Reports) -> tuple[Used, bool]:
    """Wait until the last window's outcomes were reported, and nothing follows; returns what was used then."""
    deadline = time.monotonic() + REPORTS_SECONDS
    while time.monotonic() < deadline:
        reports.poll(0.2)
        used = fleet.used()
        if reports.final and time.monotonic() - reports.last_at > QUIET_SECONDS:
            return used, True
    return fleet.used(), False
