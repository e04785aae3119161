"""What every curve is given: servers, a folder, a seed, and how much effort is worth it."""

from dataclasses import dataclass, replace
from pathlib import Path

from load.bench.stage import PARTITIONS, Stage
from load.generate import LoadSpec
from load.generate.definition import Watch
from load.servers import Servers

WATCH = Watch(reference_seconds=600.0, reference_per_second=20.0, traffic=False)
"""Ten healthy minutes: little to load, and enough for every monitor to judge."""

HOURLY = Watch(("1h",), reference_seconds=86_400.0, reference_per_second=0.25, traffic=False)
"""A healthy day, for windows of an hour."""

DAY_LONG = Watch(horizon="1d", age="30m", reference_seconds=900.0, reference_per_second=20.0, traffic=False)
"""Predictions wait a day for their label: many of them can be outstanding."""

MEASURED = 0.1
"""Below this scale nothing is measured: it is only to see that it works."""


@dataclass(frozen=True)
class Bench:
    """The place of a measurement.

    Parameters
    ----------
    scale
        Of events and seconds: 1 to measure, far less to see that it works.
    """

    servers: Servers
    folder: Path
    seed: int = 1
    scale: float = 1.0

    def events(self, count: int) -> int:
        """Return how many events to take for `count`."""
        return max(round(count * self.scale), 200)

    def points(self, *values: int) -> tuple[int, ...]:
        """Return the points of a curve: two of them when it is only to see that it works."""
        return values if self.scale >= MEASURED else values[:2]

    def seconds(self, seconds: float) -> float:
        """Return how long to measure for `seconds`."""
        return max(seconds * self.scale, 2.0)

    def spec(self, **given: object) -> LoadSpec:
        """Return the standard load but for what is given."""
        return replace(LoadSpec(seed=self.seed), **given)  # type: ignore[arg-type]

    def stage(self, spec: LoadSpec, watch: Watch = WATCH, partitions: int = PARTITIONS) -> Stage:
        """Return a stage for a load, with a folder of its own."""
        folder = self.folder / f"stage-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return Stage(self.servers, spec, watch, folder, partitions)
