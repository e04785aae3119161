"""What will happen in a run: everything follows from its seed."""

import math
import random
from dataclasses import dataclass, replace

from load.chaos.model import MINUTE_MS, SECOND_MS
from load.chaos.traffic import Traffic

SPEED = 30.0
"""Event time runs so many times as fast as the clock."""

FIRST_SECONDS, PAUSE_SECONDS = (3.0, 7.0), (0.5, 4.0)
LANES = ("workers", "kafka", "redis")
MIXED_RATIO = 0.8
"""Of the runs; in the others only workers go wrong."""
FAULTS = {
    # name: (how long it keeps its lane busy, its lane)
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
    "reset_kafka": (5.0, "kafka"),
    "delay_kafka": (5.0, "kafka"),
    "kill_redis": (4.0, "redis"),
    "pause_redis": (5.0, "redis"),
    "reset_redis": (4.0, "redis"),
    "delay_redis": (5.0, "redis"),
    "fail_over_redis": (6.0, "redis"),
}
NETWORK_FAULTS = frozenset({"reset_kafka", "delay_kafka", "reset_redis", "delay_redis"})
"""Those that take a toxiproxy."""

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
    speed: float = SPEED

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
        Faults that are left out.
    """
    rng = random.Random(seed)
    faults: list[Fault] = []
    for lane in LANES if rng.random() < MIXED_RATIO else LANES[:1]:
        names = _names(lane, without, rng)
        if lane == "workers" and (kills := [name for name in names if name in KILLS]):
            names.remove(kills[0])
            names.insert(0, kills[0])
        faults += _one_after_another(names, rng, seconds)
    return _plan(seed, seconds, partitions, faults, rng)


def full_plan(seed: int, partitions: int, *, speed: float, without: frozenset[str] = frozenset()) -> Plan:
    """Draw a run in which everything goes wrong once, as long as that takes."""
    rng = random.Random(seed)
    faults: list[Fault] = []
    for lane in LANES:
        # Those that stop a worker come first: they take writes, and on a slow machine the traffic may end early.
        names = sorted(_names(lane, without, rng), key=lambda name: not name.startswith("stop_"))
        faults += _one_after_another(names, rng, pauses=(0.0, 0.5))
    seconds = max(fault.at_seconds + FAULTS[fault.name][0] for fault in faults)
    return replace(_plan(seed, seconds * speed / SPEED, partitions, faults, rng), seconds=seconds, speed=speed)


def _names(lane: str, without: frozenset[str], rng: random.Random) -> list[str]:
    names = sorted(name for name, (_, needs) in FAULTS.items() if needs == lane and name not in without)
    return rng.sample(names, len(names))


def _one_after_another(
    names: list[str], rng: random.Random, seconds: float = math.inf, pauses: tuple[float, float] = PAUSE_SECONDS
) -> list[Fault]:
    """Give each fault the time it takes, as long as there is time."""
    at, faults = rng.uniform(*FIRST_SECONDS), []
    for name in names:
        lasts = FAULTS[name][0]
        if at + lasts > seconds:
            break
        faults.append(Fault(at, name))
        at += lasts + rng.uniform(*pauses)
    return faults


def _plan(seed: int, seconds: float, partitions: int, faults: list[Fault], rng: random.Random) -> Plan:
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
