"""Profiles published a second, and what the monitor does with them, against models, segments and partitions."""

import time
from dataclasses import replace

from load.bench.stage import PARTITIONS
from load.curves.bench import Bench
from load.curves.curve import Curve, Panel, Row
from load.curves.live import live, over
from load.generate import LoadSpec

PER_SECOND = 400.0
WARM_SECONDS, MEASURED_SECONDS = 8.0, 20.0
"""A pane of 10 s closes twice in what is measured, and open ones are told four times."""


def published(bench: Bench) -> Curve:
    """Measure one worker in real time: the cost of many profiles does not depend on the rate of events."""
    spec = bench.spec(per_second=PER_SECOND, partition_skew=0.0)
    points: list[tuple[str, LoadSpec, int]] = [("1 model, 1 segment, 4 partitions", spec, PARTITIONS)]
    points += [(f"{n} models", replace(spec, models=n), PARTITIONS) for n in (100, 1_000)]
    points += [(f"{n} segments", replace(spec, segments=n), PARTITIONS) for n in (0, 2, 8)]
    points += [(f"{n} partitions", replace(spec, partitions=n), n) for n in (16, 64)]
    rows = [_point(bench, *point) for point in points]
    about = (
        f"one worker, {PER_SECOND:g} predictions a second with a label each by the clock, {MEASURED_SECONDS:g} s; "
        "panes of 10 s, and the first window is not decided yet: the monitor only takes profiles in; the first row is "
        "what the others vary in one thing; CPU in percent of a core"
    )
    panels = (
        Panel("kB/s", ("profiles kB/s",), log=True),
        Panel("percent of a core", ("monitor CPU %", "profiler CPU %"), log=True),
    )
    return Curve("published", about, [{"point": number, **row} for number, row in enumerate(rows)], panels, log=False)


def _point(bench: Bench, what: str, spec: LoadSpec, partitions: int) -> Row:
    stage = bench.stage(spec, partitions=partitions)
    warm, measured = bench.seconds(WARM_SECONDS), bench.seconds(MEASURED_SECONDS)
    with live(bench, stage, warm + measured + 5.0) as running:
        time.sleep(warm)
        before, after, seconds = over(running.fleet, measured)
    return {
        "what": what,
        "events/s": (after.messages - before.messages) / seconds,
        "messages/s": (after.published_messages - before.published_messages) / seconds,
        "profiles kB/s": (after.published_bytes - before.published_bytes) / seconds / 1e3,
        "checkpoints kB/s": (after.checkpoint_bytes - before.checkpoint_bytes) / seconds / 1e3,
        "monitor CPU %": (after.monitor_seconds - before.monitor_seconds) / seconds * 100,
        "profiler CPU %": (after.profiler_seconds - before.profiler_seconds) / seconds * 100,
        "RSS MB": after.peak_rss_bytes / 1e6,
    }
