"""The run: repeats interleaved, so that what slows the machine for a while slows everybody."""

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from load.bench.contestants import BY_NAME, CONTESTANTS, Contestant
from load.bench.plain_run import run_plain
from load.bench.result import Result
from load.bench.stage import Stage
from load.bench.table import Row
from load.bench.worker_run import run_worker
from load.generate import LoadSpec
from load.generate.definition import Watch
from load.servers import Servers

SMALLEST = 500
"""Predictions that even the slowest contestant gets."""


@dataclass(frozen=True)
class Plan:
    """What to measure: predictions, repeats, names of contestants."""

    events: int = 300_000
    repeats: int = 3
    only: tuple[str, ...] = tuple(BY_NAME)
    seed: int = 1
    per_second: float = 10_000.0
    watch: Watch = field(default_factory=lambda: Watch(reference_per_second=500.0))


def run_all(plan: Plan, servers: Servers, folder: Path) -> tuple[dict[str, Row], str]:
    """Measure everybody; returns the rows, and in a line what they were given."""
    spec = LoadSpec(seed=plan.seed, per_second=plan.per_second)
    stage, console = Stage(servers, spec, plan.watch, folder), Console(stderr=True)
    results: dict[str, list[Result]] = {name: [] for name in plan.only}
    for repeat in range(plan.repeats):
        for contestant in (c for c in CONTESTANTS if c.name in results):
            result = _measure(contestant, plan, stage)
            results[contestant.name].append(result)
            text = result.problem or f"{result.cpu_us:.2f} us/event"
            console.print(f"{repeat + 1}/{plan.repeats} {contestant.name}: {text}", highlight=False)
    return {name: Row(name, found) for name, found in results.items()}, _about(plan, spec, stage)


def _about(plan: Plan, spec: LoadSpec, stage: Stage) -> str:
    """Say what was given to everybody, how it was measured, and what to compare with what."""
    return (
        f"{stage.bytes_per_prediction(plan.events):.0f} B a prediction, {spec.numeric} numeric and {spec.categorical} "
        f"categorical features, a label each, {spec.per_second:,.0f} predictions a second of event time, seed "
        f"{spec.seed}; windows of {', '.join(plan.watch.windows)}.\n"
        f"CPU of all threads for an event (a prediction or a label), {plan.repeats} interleaved repeats, medians; each "
        "row says what its CPU covers, its batch and its collector.\n"
        "What a worker costs over the limit is d/b: b has the worker's own collector setting and the batch that suits "
        "the cache. b' is the same loop as Python is shipped, and slower."
    )


def _measure(contestant: Contestant, plan: Plan, stage: Stage) -> Result:
    events = max(plan.events // contestant.share, min(plan.events, SMALLEST))
    if contestant.kind == "plain":
        return run_plain(contestant, stage.plain(events), stage.servers.bootstrap)
    scene = stage.watched(events)
    if contestant.kind == "worker":
        features = stage.spec.numeric + stage.spec.categorical
        return run_worker(contestant.module, scene, stage.servers.kafka, features)
    return run_plain(contestant, scene, stage.servers.bootstrap)
