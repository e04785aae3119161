"""Which faults come when: everything follows from the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("kill_worker", "stop_worker", "restart_redis", "restart_kafka")
EVERY_SECONDS = (240.0, 300.0)
FIRST_RATIO = (0.3, 0.5)
CALM_SECONDS = 60.0
"""Before the end, so that the last fault's effects are over when everything is counted."""


@dataclass(frozen=True)
class Fault:
    """One fault, so many seconds after the first event."""

    at_seconds: float
    name: str


def make_plan(seed: int, seconds: float, kinds: Sequence[str] = KINDS) -> tuple[Fault, ...]:
    """Draw a fault every four to five minutes, each kind once before any comes again.

    Parameters
    ----------
    seconds
        How long the run is; a short one has its first fault sooner.
    kinds
        Which faults can be made; none, no faults.
    """
    rng = random.Random(seed)
    faults: list[Fault] = []
    bag: list[str] = []
    at = rng.uniform(*FIRST_RATIO) * min(seconds, EVERY_SECONDS[0])
    while kinds and at < seconds - CALM_SECONDS:
        bag = bag or rng.sample(list(kinds), len(kinds))
        faults.append(Fault(at, bag.pop()))
        at += rng.uniform(*EVERY_SECONDS)
    return tuple(faults)
