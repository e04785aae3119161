"""Who is measured: a letter for the table, a program, its environment, its share of the events, what it lacks."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["plain", "profiler", "worker"]
Collector = Literal["default", "off", "the worker's"]

_HANDLED = "first message to last"
_OPENED = "consumer opened to closed"


@dataclass(frozen=True)
class Contestant:
    """One row of the table.

    Parameters
    ----------
    name
        As `--only` takes it.
    letter
        As the ratios name it.
    module
        Program, as `python -m` takes it.
    kind
        How it is driven: plain programs end by themselves; ours need a definition and topics of their own.
    peer
        Folder under `load/peers` whose environment it runs in; None: this one.
    share
        Divisor of the events: slow ones get fewer, so that the whole run ends in minutes.
    lacks
        What the worker guarantees and this does not.
    measured
        From when until when its CPU counts. Everybody is given every message of both topics.
    batch
        Messages at most that one turn takes; programs of ours are told.
    collector
        Python's cycle collector: as it is shipped, off, or as the worker sets it.
    """

    name: str
    letter: str
    title: str
    module: str
    kind: Kind = "plain"
    peer: str | None = None
    share: int = 1
    lacks: str = ""
    measured: str = _HANDLED
    batch: int = 1
    collector: Collector = "default"
    extra: dict[str, object] = field(default_factory=dict)


_MEMORY = "all state is lost with the process"
_LESS = "no validation, duplicates, watermarks or drift per feature"
_SUBJECTS, _PEERS = "load.bench.subjects", "load.peers"
CONTESTANTS = (
    Contestant(
        "consume", "a", "consume only", f"{_SUBJECTS}.consume", lacks="does nothing", measured=_OPENED, batch=5_000,
    ),
    Contestant(
        "limit", "b", "consume + typed decode: the limit", f"{_SUBJECTS}.consume", lacks="does nothing",
        measured=_OPENED, batch=2_000, collector="the worker's",
        extra={"decode": True, "calm": True},
    ),
    Contestant(
        "limit-default", "b'", "the same, as Python is shipped", f"{_SUBJECTS}.consume", lacks="does nothing",
        measured=_OPENED, batch=5_000, extra={"decode": True},
    ),
    Contestant(
        "loop", "c", "hand-written loop, event by event", f"{_SUBJECTS}.loop", lacks=f"{_MEMORY}; {_LESS}",
        measured=_OPENED, batch=2_000, collector="off",
    ),
    Contestant(
        "loop-numpy", "c'", "hand-written loop, NumPy by batch", f"{_SUBJECTS}.loop_numpy",
        lacks=f"{_MEMORY}; {_LESS}; fixed features", measured=_OPENED, batch=2_000, collector="off",
        extra={"numeric": 15},
    ),
    Contestant(
        "profiler", "d'", "the profiler's thread alone", f"{_SUBJECTS}.profiler", "profiler", lacks="no alerts",
        measured="thread started to last checkpoint", batch=4_000, collector="the worker's",
    ),
    Contestant(
        "worker", "d", "the whole worker", f"{_SUBJECTS}.worker", "worker",
        measured="first message to last report", batch=4_000, collector="the worker's",
    ),
    Contestant(
        "bytewax", "e", "Bytewax, in memory", f"{_PEERS}.bytewax_kafka.memory", peer="bytewax_kafka", share=2,
        lacks=f"{_MEMORY} (recovery off); no rebalance; {_LESS}", batch=2_000,
    ),
    Contestant(
        "quix", "e", "Quix Streams, in memory", f"{_PEERS}.quix.memory", peer="quix", share=2,
        lacks=f"{_MEMORY}, offsets move on; {_LESS}",
    ),
    Contestant(
        "faust", "e", "Faust agents + river, in memory", f"{_PEERS}.faust_streaming.memory", peer="faust_streaming",
        share=10, lacks=f"{_MEMORY}; acknowledged on an exception; {_LESS}",
    ),
    Contestant(
        "quix-durable", "f", "Quix Streams, state store", f"{_PEERS}.quix.durable", peer="quix", share=20,
        lacks=f"at-least-once: a crash counts twice; {_LESS}",
    ),
    Contestant(
        "faust-durable", "f", "Faust, tables", f"{_PEERS}.faust_streaming.durable", peer="faust_streaming", share=20,
        lacks=f"state and offset move apart; profiles 500 events behind; no fencing; {_LESS}",
    ),
)  # fmt: skip
BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
