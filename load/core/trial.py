"""One log through typed decoding and through one shard, batch by batch; CPU seconds of this thread, by what it did."""

import time
from collections.abc import Iterator
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


def land(checkpoints: Checkpoints) -> None:
    """Take a checkpoint as if it landed at once and was delivered."""
    taken = checkpoints.take(int(time.monotonic() * 1_000))
    if taken is not None:
        publication = checkpoints.landed(taken, checkpoints.seq + 1)
        checkpoints.delivered(publication.profiles, publication.seq)


def draw_turns(spec: LoadSpec, predictions: int, size: int) -> Iterator[Turn]:
    """Draw a log as a shard polls it: `size` predictions, the labels that fall due meanwhile, and so on."""
    source = Source(spec)
    ends = {PREDICTION: 0, LABEL: 0}
    for encoded in source.slices(predictions, size):
        for kind, role in ROLE_OF.items():
            values = [message.value for message in encoded.of(kind)]
            for part in _cut(values, size):
                first = ends[kind]
                ends[kind] += len(part)
                offsets = list(range(first, ends[kind]))
                yield Turn(role, RawBatch(0, offsets, [-1] * len(part), list(part)))


class Decoding:
    """Decodes every message into a typed event and forgets it."""

    def __init__(self) -> None:
        self.cost = Cost()
        self._decode = {
            PREDICTIONS: msgspec.json.Decoder(Prediction).decode,
            LABELS: msgspec.json.Decoder(Label).decode,
        }

    def take(self, turn: Turn) -> None:
        """Decode a batch."""
        decode = self._decode[turn.role]
        since = time.thread_time()
        for value in turn.batch.values:
            decode(value or b"")
        self.cost.spend("decode", since)
        self.cost.events += len(turn.batch.values)


class Core:
    """Counts every message; checkpoints are taken when a worker that does nothing else would take them."""

    def __init__(self, catalog: Catalog, cadence: Cadence | None = None) -> None:
        self.cost = Cost()
        self._cadence = cadence or Cadence()
        self._core = ShardCore(0, catalog, ShardConfig())
        self._checkpoints = Checkpoints(self._core, 1, 0)
        self._spent, self._due = 0.0, self._cadence.checkpoint_seconds

    def take(self, turn: Turn) -> None:
        """Count a batch."""
        role, batch = turn
        since = time.thread_time()
        (self._core.predictions if role == PREDICTIONS else self._core.labels)(batch)
        self.cost.spend(role, since)
        self.cost.events += len(batch.values)
        self._spent += time.thread_time() - since
        if self._spent >= self._due:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Take a checkpoint, and note when the next is due."""
        since = time.thread_time()
        land(self._checkpoints)
        self.cost.spend("checkpoints", since)
        self.cost.checkpoints += 1
        cadence, took = self._cadence, time.thread_time() - since
        wanted = max(cadence.checkpoint_seconds, took / cadence.max_checkpoint_share)
        self._spent, self._due = 0.0, min(wanted, cadence.max_checkpoint_seconds)

    def finish(self) -> Cost:
        """Take the last checkpoint; return what it all cost."""
        self.checkpoint()
        self.cost.parts, self.cost.joined = len(self._core.store), sum(self._core.memory.joiner.joined.values())
        return self.cost


def run(spec: LoadSpec, catalog: Catalog, predictions: int, size: int, warm_up: int = 0) -> list[Cost]:
    """Draw a log, and give each batch of it to decoding and to the core in turn; returns the cost of both.

    What the first `warm_up` events cost, with the names and tables that are made once, is left out.
    """
    decoding, core = Decoding(), Core(catalog)
    for turn in draw_turns(spec, warm_up // 2 + predictions, size):
        decoding.take(turn)
        core.take(turn)
        if 0 < warm_up <= core.cost.events:
            warm_up = 0
            core.checkpoint()
            decoding.cost, core.cost = Cost(), Cost()
    return [decoding.cost, core.finish()]


def _cut(values: list[bytes], size: int) -> Iterator[list[bytes]]:
    return (values[first : first + size] for first in range(0, len(values), size))
