"""The monitor alone: what it costs to watch more and more models, in one process without Kafka and Redis.

One shard's traffic is counted first, outside of what is measured; its profiles and a watermark a second then go through
one partition's monitor, with everything that it decides. What a model costs once, its reference's yardsticks, is told
apart from what it costs in a minute of event time after that.

    python -m load.monitor --models 1,10,100
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from load.core.trial import draw_turns
from load.generate import LoadSpec
from load.generate.alike import named
from load.generate.definition import Watch, write_definition
from stream.app.collector import calm_collector
from stream.definitions.chain import ModelHistory
from stream.definitions.propose import propose
from stream.definitions.yaml_file import load_definition
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS
from stream.monitor.core import MonitorCore
from stream.profiler.bundles import Bundler
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import ShardConfig
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.deliveries import Delivery
from stream.profiler.shard import ShardCore
from tidegauge.codec import encode_profiles
from tidegauge.profiles import WatermarkReport
from tidegauge.reports import Report

SECOND_MS, MINUTE_MS = 1_000, 60_000
WATCH: Final = Watch(reference_seconds=600.0, reference_per_second=20.0, traffic=False)


@dataclass
class Watched:
    """What it came to; `seconds` of CPU by minute of event time."""

    messages: int = 0
    reports: int = 0
    seconds: list[float] = field(default_factory=list)


def catalog_of(spec: LoadSpec) -> Catalog:
    """Return a catalog in which every model is watched as the first one would be, with a reference of its own."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-monitor-") as folder:
        first = propose(load_definition(write_definition(Path(folder), spec, WATCH)), ModelHistory(spec.model_names[0]))
    proposals = [named(first, model) for model in spec.model_names]
    return Catalog(
        {proposal.model: [compile_model(proposal.definition, proposal.grids)] for proposal in proposals},
        {proposal.model: [(ALWAYS_MS, proposal.reference)] for proposal in proposals if proposal.reference},
    )


def messages(spec: LoadSpec, catalog: Catalog, seconds: int) -> Iterator[tuple[int, bytes]]:
    """Yield what a shard publishes, about once in a second of event time: its profiles, then its watermark.

    With the newest event time of the predictions by then.
    """
    core = ShardCore(0, catalog, ShardConfig())
    checkpoints = Checkpoints(core, 1, 0)
    bundler, now_ms = Bundler(1), 0
    rate = round(spec.per_second)
    for turn in draw_turns(spec, rate * seconds, rate):
        (core.predictions if turn.role == PREDICTIONS else core.labels)(turn.batch)
        taken = checkpoints.take(now_ms) if turn.role == LABELS else None
        if taken is None:
            continue
        now_ms += SECOND_MS
        publication = checkpoints.landed(taken, checkpoints.seq + 1)
        checkpoints.delivered(publication.profiles, publication.seq)
        bundler.add(Delivery(publication, len(publication.profiles)))
        told = WatermarkReport(worker="load", shards=[publication.watermark], partitions=1)
        for payload in (*(outgoing.payload for outgoing in bundler.take()), encode_profiles(told)):
            yield core.clocks[PREDICTIONS].newest_ms, payload


def watch(spec: LoadSpec, minutes: int) -> Watched:
    """Let one monitor watch `minutes` of event time."""
    catalog = catalog_of(spec)
    published = list(messages(spec, catalog, minutes * 60))
    calm_collector()
    core, found = MonitorCore(0, catalog), Watched()
    for _, minute in groupby(published, lambda at: min((at[0] - spec.start_ms) // MINUTE_MS, minutes - 1)):
        since = time.thread_time()
        for _, message in minute:
            core.apply(message)
            found.messages += 1
            found.reports += sum(isinstance(output, Report) for output in core.advance())
            core.dirty_fields()
            for number, _ in core.pending():
                core.delivered(number)
        found.seconds.append(time.thread_time() - since)
    return found


def main() -> None:
    """Measure, and print a line for each number of models."""
    parser = argparse.ArgumentParser(prog="load.monitor", description=__doc__)
    parser.add_argument("--models", default="1,10,100", help="watched in one partition; numbers with commas")
    parser.add_argument("--segments", type=int, default=0, help="of four values each")
    parser.add_argument(
        "--minutes", type=int, default=5, help="of event time, 3 or more; windows are one minute, every ten seconds"
    )
    parser.add_argument("--event-rate", type=float, default=400.0, help="predictions per second, shared by the models")
    given = parser.parse_args()
    print(f"{'models':>7}{'messages':>10}{'reports':>9}{'once, ms':>10}{'a minute, ms':>14}{'% of a core':>13}")
    for models in map(int, given.models.split(",")):
        spec = LoadSpec(models=models, per_second=given.event_rate, segments=given.segments)
        found = watch(spec, given.minutes)
        *_, late, _ = found.seconds  # what comes after the last event lies in the last one
        once = sum(found.seconds) - late * len(found.seconds)
        print(
            f"{models:7}{found.messages:10}{found.reports:9}{max(once, 0.0) / models * 1e3:10.1f}"
            f"{late / models * 1e3:14.2f}{late / 60 * 100:13.2f}"
        )
    print("once, a minute: CPU a model; % of a core: all models, at the speed of the clock")


if __name__ == "__main__":
    main()
