"""The installation that is soaked: real servers, two workers, one standard model."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from load.chaos.installation import Installation
from load.generate import Drift, LoadSpec
from load.generate.definition import Watch, write_definition
from load.servers import Servers

WORKERS = 2
LATENESS_MS = 10_000
"""As the installation's settings say; its retention is 5 min."""

BROKER = {
    "log.retention.ms": "900000",  # inputs leave the disk after a quarter of an hour
    "log.retention.check.interval.ms": "30000",
    "log.segment.bytes": "67108864",
}
WATCH = Watch(
    windows=("1m",), horizon="2m", age="30s", reference_seconds=3_600.0, reference_per_second=100.0, traffic=False
)
"""With a retention of 5 min, and the join log in buckets of a minute (a `brief` worker), what is kept of a prediction
leaves within 9 min, and a monitor's panes within a quarter of an hour: a steady state within the warm-up."""

EPISODE_SECONDS, EVERY_SECONDS = 90.0, 360.0
DRIFTS = (
    Drift("mean", at_seconds=60, features=3, for_seconds=EPISODE_SECONDS, every_seconds=EVERY_SECONDS),
    Drift("outcome", at_seconds=240, for_seconds=EPISODE_SECONDS, every_seconds=EVERY_SECONDS),
)
"""Features drift, then outcomes do, each for a while: alerts fire and resolve all along."""


@dataclass
class Site:
    """One prefix on the servers, with its workers.

    The first worker is never killed: its memory is judged over the whole run.
    """

    servers: Servers
    installation: Installation
    rng: random.Random = field(default_factory=random.Random)


def standard(per_second: float, seed: int, start_ms: int) -> LoadSpec:
    """Return the standard load: 15 numeric and 5 categorical features, a segment, a label each, drift now and then."""
    return LoadSpec(seed=seed, per_second=per_second, start_ms=start_ms, drifts=DRIFTS, partition_skew=0.0)


def make_site(servers: Servers, folder: Path, prefix: str, spec: LoadSpec, watch: Watch = WATCH) -> Site:
    """Create the topics, declare the model with its reference, start the workers."""
    installation = Installation(folder, servers.bootstrap, servers.redis_url, kind="brief", prefix=prefix)
    installation.create_topics()
    path = write_definition(folder, spec, watch)
    installation.command("apply", "-f", str(path))
    for _ in range(WORKERS):
        installation.worker()
    return Site(servers, installation, random.Random(spec.seed))
