"""Whether a worker gets on, not whether it lives: what `/healthz` says."""

from dataclasses import dataclass
from typing import Final

from stream.profiler.status import ProfilerStatus

PATIENCE_SECONDS: Final = 10.0
"""A rebalance, a failover or a slow attempt at a server is over by then."""


@dataclass(frozen=True)
class Signs:
    """What is looked at; seconds since something last moved.

    `silent_seconds`: the profiler's thread has made no turn. `behind_seconds`: the store has refused a checkpoint of
    the monitor. `unowned_seconds`: partitions of `profiles` are assigned and could not be taken over.
    """

    alive: bool
    silent_seconds: float
    profiler: ProfilerStatus
    behind_seconds: float
    unowned_seconds: float


def problems(signs: Signs, patience_seconds: float = PATIENCE_SECONDS) -> list[str]:
    """Return what keeps the worker from getting on, each a clause a person understands; [] when all is well."""
    if not signs.alive:
        return ["the profiler has ended"]
    profiler = signs.profiler
    held = {
        "store": "Redis takes no checkpoint",
        "backlog": "Kafka takes no profiles",
        "dead letters": "Kafka takes no dead letters",
        "takeover": "shards are assigned and cannot be taken over",
    }.get(profiler.held, profiler.held)
    clauses = (
        ("the profiler's thread has made no turn", signs.silent_seconds),
        (f"nothing is read: {held}", profiler.held_seconds if profiler.held else 0.0),
        ("messages wait and none is read", 0.0 if profiler.held else profiler.waiting_seconds),
        ("Redis takes no checkpoint of the monitor", signs.behind_seconds),
        ("partitions of profiles are assigned and cannot be taken over", signs.unowned_seconds),
    )
    return [f"{clause} for {seconds:.0f} s" for clause, seconds in clauses if seconds > patience_seconds]
