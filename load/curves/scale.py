"""Cost per event against models, features, segments and workers."""

from dataclasses import replace

from load.bench.stage import PARTITIONS
from load.curves.bench import HOURLY, WATCH, Bench
from load.curves.curve import Curve, Panel, Row
from load.curves.drained import drain, share
from load.generate.definition import Watch

COST = (
    Panel("us of CPU an event", ("CPU us/event",), log=True),
    Panel("s of CPU", ("monitor CPU s",), log=True),
    Panel("MB", ("RSS MB", "Redis MB", "published MB"), log=True),
)
APART = "; the event loop's CPU (monitors, thresholds on the first window, Faust) apart, for it goes by windows"


def models(bench: Bench) -> Curve:
    """Share the same traffic among more and more models with windows of a minute."""
    return _models(bench, "models", WATCH)


def hourly(bench: Bench) -> Curve:
    """Share the same traffic among more and more models with windows of an hour."""
    return _models(bench, "hourly", HOURLY)


def _models(bench: Bench, name: str, watch: Watch) -> Curve:
    events, rows = bench.events(300_000), []
    for count in bench.points(1, 100, 1_000):
        stage = bench.stage(bench.spec(models=count, per_second=10_000.0, segments=0), watch)
        rows.append({"models": count, **drain(bench, stage, events).figures()})
    about = (
        f"one worker, {events:,} predictions with a label each in all, 10 000 a second of event time, shared equally "
        f"by the models; no segments; windows of {watch.windows[0]}"
    )
    return Curve(name, about + APART, rows, COST)


def features(bench: Bench) -> Curve:
    """Let a prediction have more and more features."""
    rows = []
    for count in bench.points(5, 20, 100, 500):
        categorical = count // 4
        spec = bench.spec(numeric=count - categorical, categorical=categorical, per_second=1_000.0)
        events = bench.events(min(40_000, 2_000_000 // count))
        stage = bench.stage(spec)
        size = round(stage.bytes_per_prediction(events))
        rows.append({"features": count, "B/prediction": size, **drain(bench, stage, events).figures()})
    about = "one worker, a quarter of the features categorical, one segment of 4 values, 1 000 predictions a second"
    return Curve("features", f"{about} of event time with a label each{APART}", rows, COST)


def segments(bench: Bench) -> Curve:
    """Let a prediction belong to more and more segments; a definition may name eight."""
    events, rows = bench.events(40_000), []
    for count in bench.points(0, 2, 8):
        stage = bench.stage(bench.spec(segments=count, per_second=1_000.0))
        rows.append({"segments": count, **drain(bench, stage, events).figures()})
    about = f"one worker, {events:,} predictions with a label each, 1 000 a second of event time, 4 values a segment"
    return Curve("segments", about + APART, rows, COST)


def workers(bench: Bench) -> Curve:
    """Share the shards among more and more processes."""
    events = bench.events(120_000)
    rows: list[Row] = []
    alone = 0.0
    stage = bench.stage(bench.spec(per_second=10_000.0))
    for count in bench.points(1, 2, 4):
        drained = share(bench, stage, events, count)
        per_second = drained.events / drained.seconds
        alone = alone or per_second
        rows.append({"workers": count, "speed-up": per_second / alone, **drained.figures()})
    about = (
        f"{events:,} predictions with a label each in {PARTITIONS} shards, the broker and Redis on the same cores; "
        "the messages are sent at once when each worker owns its share; speed-up is of events per second of the clock"
    )
    panels = (
        Panel("us of CPU an event", ("CPU us/event",)),
        Panel("times as fast as one", ("speed-up",)),
        Panel("MB, all workers", ("RSS MB",)),
    )
    return replace(Curve("workers", about, rows, panels), log=False)
