"""What will happen in a run: everything follows from its seed."""

import random
from dataclasses import dataclass

from load.chaos.model import MINUTE_MS, SECOND_MS
from load.chaos.traffic import Traffic

SPEED = 30.0
"""Event time runs so many times as fast as the clock."""

SETTLING_SECONDS = 1.0
FAULTS = {
    # name: (how long it keeps its resource busy, what it needs alone)
    "kill_worker": (9.0, "workers"),
    "stop_worker": (11.0, "workers"),
    "stop_between": (13.0, "workers"),
    "stick_thread": (6.0, "workers"),
    "late_labels_then_kill": (10.0, "workers"),
    "rolling_restart": (10.0, "workers"),
    "storm": (12.0, "workers"),
    "crowd": (8.0, "workers"),
    "kill_kafka": (7.0, "kafka"),
    "refuse_alerts": (6.0, "kafka"),
    "change_definition": (7.0, "kafka"),
    "change_reference": (7.0, "kafka"),
    "kill_redis": (4.0, "redis"),
    "pause_redis": (5.0, "redis"),
    "reset_redis": (4.0, "redis"),
    "delay_redis": (5.0, "redis"),
    "fail_over_redis": (6.0, "redis"),
}
KILLS = ("kill_worker", "late_labels_then_kill")


@dataclass(frozen=True)
class Fault:
    """One fault, so many seconds after the beginning."""

    at_seconds: float
    name: str


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int
    seconds: float
    workers: int
    traffic: Traffic
    faults: tuple[Fault, ...]

    @property
    def names(self) -> frozenset[str]:
        """Names of the faults."""
        return frozenset(fault.name for fault in self.faults)

    def __str__(self) -> str:
        """Return the faults and when they come."""
        return " ".join(f"{fault.name}@{fault.at_seconds:.0f}" for fault in self.faults)


def make_plan(seed: int, seconds: float, partitions: int, *, without: frozenset[str] = frozenset()) -> Plan:
    """Draw a run: three lanes (workers, Kafka, Redis) go wrong at their own times, at least one worker is killed.

    Parameters
    ----------
    without
        Faults that cannot be had on this machine.
    """
    rng = random.Random(seed)
    faults = [
        fault
        for lane in ("workers", "kafka", "redis")
        for fault in _lane(lane, seconds, rng, without, first=rng.choice(KILLS) if lane == "workers" else None)
    ]
    length_ms = int(seconds * SPEED * SECOND_MS)
    silent_ms = rng.randrange(length_ms // 4, length_ms // 2)
    traffic = Traffic(
        seed=seed,
        length_ms=length_ms,
        partitions=partitions,
        silent_shard=rng.randrange(partitions),
        silent_ms=(silent_ms, silent_ms + 3 * MINUTE_MS),
        clock_ahead_ms=int(length_ms * 0.8) if rng.random() < 0.5 else None,
    )
    workers = rng.choice((2, 3, 3, partitions + 1))
    return Plan(seed, seconds, workers, traffic, tuple(sorted(faults, key=lambda fault: fault.at_seconds)))


def _lane(lane: str, seconds: float, rng: random.Random, without: frozenset[str], *, first: str | None) -> list[Fault]:
    """Faults of one lane, one after the other, each with the time it takes."""
    names = sorted(name for name, (_, needs) in FAULTS.items() if needs == lane and name not in without)
    rng.shuffle(names)
    if first in names:
        names.remove(first)
        names.insert(0, first)
    at, faults = rng.uniform(3.0, 8.0), []
    for name in names:
        lasts = FAULTS[name][0]
        if at + lasts > seconds:
            break
        faults.append(Fault(at, name))
        at += lasts + rng.uniform(1.0, 6.0)
    return faults
