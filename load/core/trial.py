"""One log through one shard, and through typed decoding alone; CPU seconds of this thread, by what it did."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from load.generate import PREDICTION, LoadSpec, Source
from load.generate.encode import LABEL
from stream.model.catalog import Catalog
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import Cadence, ShardConfig
from stream.profiler.decode import LABELS, PREDICTIONS
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from tidegauge import Label, Prediction

ROLE_OF: Final = {PREDICTION: PREDICTIONS, LABEL: LABELS}


class Turn(NamedTuple):
    """One batch of one topic."""

    role: str
    batch: RawBatch


@dataclass
class Cost:
    """CPU seconds of one trial, and what came of it."""

    events: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    checkpoints: int = 0
    parts: int = 0
    joined: int = 0

    @property
    def total_us(self) -> float:
        """CPU microseconds per event."""
        return sum(self.seconds.values()) / self.events * 1e6

    def us(self, what: str) -> float:
        """Microseconds of one kind of work per event."""
        return self.seconds.get(what, 0.0) / self.events * 1e6

    def spend(self, what: str, since: float) -> None:
        """Note the time from an instant of `time.thread_time` until now."""
        self.seconds[what] = self.seconds.get(what, 0.0) + time.thread_time() - since


def make_turns(spec: LoadSpec, predictions: int, size: int) -> list[Turn]:
    """Draw a log as a shard polls it: `size` predictions, the labels that fall due meanwhile, and so on."""
    source = Source(spec)
    ends = {PREDICTION: 0, LABEL: 0}
    turns: list[Turn] = []
    for encoded in source.slices(predictions, size):
        for kind, role in ROLE_OF.items():
            values = [message.value for message in encoded.of(kind)]
            for part in _cut(values, size):
                first = ends[kind]
                ends[kind] += len(part)
                offsets = list(range(first, ends[kind]))
                turns.append(Turn(role, RawBatch(0, offsets, [-1] * len(part), list(part))))
    return turns


def run_decode(turns: Sequence[Turn]) -> Cost:
    """Decode every message into a typed event and forget it."""
    decode = {PREDICTIONS: msgspec.json.Decoder(Prediction).decode, LABELS: msgspec.json.Decoder(Label).decode}
    cost = Cost()
    since = time.thread_time()
    for role, batch in turns:
        for value in batch.values:
            decode[role](value or b"")
        cost.events += len(batch.values)
    cost.spend("decode", since)
    return cost


def run_core(turns: Sequence[Turn], catalog: Catalog, cadence: Cadence | None = None) -> Cost:
    """Count every message; checkpoints are taken when a worker that does nothing else would take them."""
    cadence = cadence or Cadence()
    core = ShardCore(0, catalog, ShardConfig())
    checkpoints = Checkpoints(core, 1, 0)
    cost = Cost()
    due = cadence.checkpoint_seconds
    spent = 0.0
    for role, batch in turns:
        since = time.thread_time()
        (core.predictions if role == PREDICTIONS else core.labels)(batch)
        cost.spend(role, since)
        cost.events += len(batch.values)
        spent += time.thread_time() - since
        if spent >= due:
            spent, due = 0.0, _checkpoint(checkpoints, cost, cadence)
    _checkpoint(checkpoints, cost, cadence)
    cost.parts, cost.joined = len(core.store), sum(core.joiner.joined.values())
    return cost


def _checkpoint(checkpoints: Checkpoints, cost: Cost, cadence: Cadence) -> float:
    """Take a checkpoint as if it landed at once and was delivered; returns after how much CPU the next one is due."""
    since = time.thread_time()
    checkpoint = checkpoints.take(int(time.monotonic() * 1_000))
    if checkpoint is not None:
        publication = checkpoints.landed(checkpoint, checkpoints.seq + 1)
        checkpoints.delivered(publication.profiles, publication.seq)
    cost.spend("checkpoints", since)
    cost.checkpoints += 1
    took = time.thread_time() - since
    return min(max(cadence.checkpoint_seconds, took / cadence.max_checkpoint_share), cadence.max_checkpoint_seconds)


def _cut(values: list[bytes], size: int) -> Iterator[list[bytes]]:
    return (values[first : first + size] for first in range(0, len(values), size))
