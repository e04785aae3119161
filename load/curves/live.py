"""Workers under a load that is paced by the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from load.bench.stage import Scene, Stage
from load.curves.bench import Bench
from load.curves.fleet import Fleet, Used
from load.curves.store import forget
from load.soak.feed import Feeding
from load.soak.feeder import Feeder

START_SECONDS = 60.0


@dataclass(frozen=True)
class Live:
    """A fleet that owns every shard, and the process that sends to it."""

    scene: Scene
    fleet: Fleet
    feeder: Feeder


@contextmanager
def live(
    bench: Bench, stage: Stage, seconds: float, cadence: dict[str, float] | None = None, speed: float = 1.0
) -> Iterator[Live]:
    """Start a worker on new topics, and a feed of the stage's load for so many seconds once it owns every shard."""
    scene = stage.empty()
    folder = stage.folder / scene.names.prefix
    folder.mkdir()
    with Fleet(scene, cadence=cadence) as fleet:
        fleet.wait("the worker's start", lambda used: used.shards == scene.partitions, START_SECONDS)
        given = Feeding(bench.servers.kafka, scene.names.prefix, str(folder), stage.spec, seconds, speed=speed)
        with Feeder(given) as feeder:
            fleet.wait("the first message", lambda used: used.messages > 0, START_SECONDS)
            yield Live(scene, fleet, feeder)
    forget(bench, scene)


def over(fleet: Fleet, seconds: float) -> tuple[Used, Used, float]:
    """Return what a fleet had used at the beginning and at the end of so many seconds, and how many they were."""
    before, since = fleet.used(), time.monotonic()
    time.sleep(seconds)
    after = fleet.used()
    return before, after, time.monotonic() - since
