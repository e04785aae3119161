"""Two figures for a worker with a million predictions outstanding: its start, and a rebalance that returns shards."""

import time
from dataclasses import replace

from load.bench.stage import Scene, Stage
from load.curves.bench import DAY_LONG, Bench
from load.curves.curve import Curve, Row
from load.curves.fleet import Fleet
from load.curves.store import data_bytes, sent_bytes
from load.generate import LoadSpec, Source
from load.generate.blast import blast
from load.generate.producer import Sink
from load.soak.feed import Feeding
from load.soak.feeder import Feeder

OUTSTANDING = 1_000_000
HOUR_SECONDS, AGO_SECONDS = 3_600, 3_900
START_GOAL_SECONDS, PAUSE_GOAL_SECONDS = 3.0, 1.0
PER_SECOND = 2_000.0
WAIT_SECONDS = 120.0


def starts(bench: Bench) -> Curve:
    """Measure both on one installation."""
    count = bench.events(OUTSTANDING)
    start_ms = time.time_ns() // 1_000_000 - AGO_SECONDS * 1000
    spec = bench.spec(
        per_second=count / HOUR_SECONDS, numeric=2, categorical=0, segments=0, label_ratio=0.0, start_ms=start_ms
    )
    stage = bench.stage(spec, DAY_LONG)
    scene = stage.watched(count)
    with Fleet(scene) as fleet:
        fleet.wait("the last message", lambda used: used.messages >= scene.messages, 2 * WAIT_SECONDS)
        time.sleep(2.0)  # until all of it is in a checkpoint
    rows = [_start(stage, scene), *_rebalance(bench, stage, scene)]
    about = f"{count:,} predictions outstanding in {scene.partitions} shards, two numeric features"
    missed = [f"{row['what']}: {row['figure']:.2f} s, the goal is {row['goal']}" for row in rows if _missed(row)]
    return Curve("starts", about, rows, problems=missed if bench.scale >= 1 else ())


def _missed(row: Row) -> bool:
    goal, figure = row["goal"], row["figure"]
    return isinstance(goal, float) and isinstance(figure, float) and figure > goal


def _start(stage: Stage, scene: Scene) -> Row:
    """Start a worker on that state, with something to read."""
    more = replace(stage.spec, seed=stage.spec.seed + 1, start_ms=scene.last_ms)
    blast(Sink(stage.servers.kafka, scene.names), Source(more).all(400))
    with Fleet(scene) as fleet:
        used = fleet.wait("the first event", lambda used: used.first_at > 0, WAIT_SECONDS, 0.01)
        seconds = used.first_at - fleet.members[0].started_at
    return {"what": "from the process's start to its first event, s", "figure": seconds, "goal": START_GOAL_SECONDS}


def _rebalance(bench: Bench, stage: Stage, scene: Scene) -> list[Row]:
    """Let a second worker join: the first loses all shards (the eager protocol) and gets half of them back."""
    spec: LoadSpec = replace(stage.spec, per_second=PER_SECOND, seed=stage.spec.seed + 2, partition_skew=0.0)
    folder = stage.folder / "feed"
    folder.mkdir()
    with Fleet(scene) as fleet:
        fleet.wait("the first worker's start", lambda used: used.shards == scene.partitions, WAIT_SECONDS)
        given = Feeding(dict(bench.servers.kafka), scene.names.prefix, str(folder), spec, WAIT_SECONDS)
        with Feeder(given):
            read = fleet.used().messages
            fleet.wait("the feed", lambda used: used.messages > read + 2 * PER_SECOND, WAIT_SECONDS)
            held, sent = data_bytes(bench, scene), sent_bytes(bench)
            first = fleet.members[0]
            first.ask("forget")
            fleet.add()
            fleet.wait_shared(scene.partitions)
            told = first.ask()
            sent = sent_bytes(bench) - sent
    return [
        {"what": "longest pause of the worker that got shards back, s", "figure": told["longest_pause_seconds"],
         "goal": PAUSE_GOAL_SECONDS},
        {"what": "state in Redis, MB", "figure": held / 1e6, "goal": ""},
        {"what": "read from Redis meanwhile, MB (the other worker's half)", "figure": sent / 1e6, "goal": ""},
    ]  # fmt: skip
