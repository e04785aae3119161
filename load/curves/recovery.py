"""How soon a killed worker's shards are where they were, against the time between checkpoints."""

import signal
import time
from contextlib import closing

from redis import Redis

from load.chaos.topics import ends_of
from load.curves.bench import Bench
from load.curves.curve import Curve, Panel, Row
from load.curves.live import live, over
from stream.checkpoint import ShardName
from stream.demo.lag import LagMeter
from stream.kafka.topics import TopicNames

PER_SECOND = 2_000.0
WARM_SECONDS, MEASURED_SECONDS = 6.0, 8.0
RECOVERY_SECONDS = 30.0
INTERVALS_SECONDS = (0.1, 0.5, 2.0, 5.0)


def checkpoint(bench: Bench) -> Curve:
    """Kill -9 a worker, start another at once, and wait until it has caught up."""
    rows = [_point(bench, interval) for interval in INTERVALS_SECONDS]
    about = (
        f"one worker, {PER_SECOND:,.0f} predictions a second with a label each, killed (kill -9) and replaced at once; "
        "unread: messages beyond the last checkpoint when it was killed; first event: since the kill, the group's "
        "session of 6 s included; caught up: from there until a checkpoint holds all that had been sent by then; CPU "
        "of the profiler's thread in percent of a core"
    )
    panels = (
        Panel("s", ("first event s", "caught up s")),
        Panel("messages", ("unread",)),
        Panel("percent of a core", ("profiler CPU %",)),
    )
    return Curve("checkpoint", about, rows, panels)


def _point(bench: Bench, interval_seconds: float) -> Row:
    cadence = {"checkpoint_seconds": interval_seconds, "max_checkpoint_seconds": max(interval_seconds, 5.0)}
    stage = bench.stage(bench.spec(per_second=PER_SECOND, partition_skew=0.0))
    warm, measured = bench.seconds(WARM_SECONDS), bench.seconds(MEASURED_SECONDS)
    with live(bench, stage, warm + measured + RECOVERY_SECONDS, cadence) as running:
        meter = LagMeter(bench.servers.kafka, bench.servers.redis_url, running.scene.names.prefix)
        with closing(meter):
            time.sleep(warm)
            before, after, seconds = over(running.fleet, measured)
            killed_at = time.time()
            running.fleet.members[0].end(signal.SIGKILL)
            unread = sum(meter.unread())
            running.fleet.add()
            used = running.fleet.wait("the first event", lambda used: used.first_at > 0, RECOVERY_SECONDS, 0.02)
            ends = ends_of(bench.servers.bootstrap, running.scene.names)
            caught_up = _caught_up(bench, running.scene.names, ends)
    return {
        "interval s": interval_seconds,
        "checkpoints/s": (after.checkpoints - before.checkpoints) / seconds,
        "checkpoints kB/s": (after.checkpoint_bytes - before.checkpoint_bytes) / seconds / 1e3,
        "profiler CPU %": (after.profiler_seconds - before.profiler_seconds) / seconds * 100,
        "unread": unread,
        "first event s": used.first_at - killed_at,
        "caught up s": caught_up - used.first_at,
    }


def _caught_up(bench: Bench, names: TopicNames, ends: dict[tuple[str, int], int]) -> float:
    """Return when checkpoints held all that had been sent at a moment before."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    with Redis.from_url(bench.servers.redis_url) as client:
        for (role, shard), end in ends.items():
            meta = ShardName(names.prefix, "profiler", shard).meta
            while int(client.hget(meta, f"offset:{role}") or 0) < end:
                if time.monotonic() > deadline:
                    raise TimeoutError("the new worker did not catch up")
                time.sleep(0.01)
    return time.time()
