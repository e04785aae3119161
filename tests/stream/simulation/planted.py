"""Bugs planted on purpose: each breaks one rule of the design, and the simulation must find it soon."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulation.store_model import ModelStore
from simulation.worker import Parts
from stream.parts.columns import Columns, OutcomeRows
from stream.parts.store import PartStore
from stream.profiler.checkpoints import Checkpoint, Checkpoints, Publication
from stream.profiler.dead_letters import DeadLetters
from stream.profiler.publisher import Publisher
from stream.profiler.shard import ShardCore


class NoEpochCheck(ModelStore):
    """A store that lets an owner of old write."""

    def check_epoch(self, *_: Any) -> None:
        return None


class NoSeqCheck(ModelStore):
    """A store that writes a repeated call twice."""

    def check_seq(self, *_: Any) -> None:
        return None


class TwoStores(PartStore):
    """The parts, and beside them what came since they were last told."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh = PartStore()

    def add_inputs(self, columns: Columns, *panes: Any) -> None:
        super().add_inputs(columns, *panes)
        self.fresh.add_inputs(columns, *panes)

    def add_outcomes(self, outcomes: OutcomeRows, *panes: Any) -> None:
        super().add_outcomes(outcomes, *panes)
        self.fresh.add_outcomes(outcomes, *panes)


class DeltaCore(ShardCore):
    """For `DeltaCheckpoints`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.store = TwoStores()


class DeltaCheckpoints(Checkpoints):
    """Publishes what came since the last time, not what there is."""

    def take(self, now_ms: int) -> Checkpoint | None:
        checkpoint = super().take(now_ms)
        if checkpoint is None:
            return None
        fresh = self.core.store.fresh
        bodies = {key: fresh.snapshot(key) if key in fresh else body for key, body in checkpoint.bodies.items()}
        fresh.drop(list(bodies))
        return dataclasses.replace(checkpoint, bodies=bodies)


class ForgetfulCheckpoints(Checkpoints):
    """Does not write down what must be published."""

    def take(self, now_ms: int) -> Checkpoint | None:
        checkpoint = super().take(now_ms)
        if checkpoint is None:
            return None
        return dataclasses.replace(checkpoint, delta=dataclasses.replace(checkpoint.delta, unpublished=()))


class SilentHeir(Checkpoints):
    """Does not publish what its predecessor still meant to."""

    def republish(self) -> Publication:
        return dataclasses.replace(super().republish(), profiles={})


class WallClockCore(ShardCore):
    """Forgets predictions and labels by the wall clock."""

    _wall_ms = 0

    def tick(self, wall_ms: int, quiet_since_ms: int | None) -> bool:
        self._wall_ms = wall_ms
        return super().tick(wall_ms, quiet_since_ms)

    def _free(self) -> None:
        self.memory.free(self._wall_ms, self.rules)


class HastyPublisher(Publisher):
    """Tells a watermark without waiting for the profiles below it."""

    def publish(self, publication: Publication) -> None:
        super().publish(publication)
        self._deliveries._told[publication.shard] = publication.watermark


class CarelessLetters(DeadLetters):
    """Lets the offset go past a dead letter that nobody has acknowledged."""

    def settle(self, seconds: float) -> bool:
        super().settle(seconds)
        return True


@dataclass(frozen=True)
class Planted:
    """What a world is made of when a bug is in it."""

    store: Callable[..., Any] = ModelStore
    parts: Parts = dataclasses.field(default_factory=Parts)


PLANTED = {
    "no-epoch-check": Planted(store=NoEpochCheck),
    "no-seq-check": Planted(store=NoSeqCheck),
    "delta-published": Planted(parts=Parts(core=DeltaCore, checkpoints=DeltaCheckpoints)),
    "unpublished-forgotten": Planted(parts=Parts(checkpoints=ForgetfulCheckpoints)),
    "unpublished-not-told": Planted(parts=Parts(checkpoints=SilentHeir)),
    "wall-clock-expiry": Planted(parts=Parts(core=WallClockCore)),
    "watermark-too-early": Planted(parts=Parts(publisher=HastyPublisher)),
    "letters-not-awaited": Planted(parts=Parts(letters=CarelessLetters)),
}
