"""What is fuzzed, and what must hold of it after every batch."""

from collections import Counter
from typing import Final

from detectors.moments import Moments
from load.fuzz.samples import catalog
from stream.checkpoint.values import Loaded
from stream.kafka.topics import TopicNames
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.part import load_part, new_part
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import Limits, ShardConfig
from stream.profiler.dead_letters import letter_headers
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.shard import ShardCore
from stream.profiler.unbatch import unbatch
from stream.profiler.validate import Problem
from tidegauge.codec import decode_label_message, decode_prediction_message
from tidegauge.events import PredictionBatch, Watermark

CONFIG: Final = ShardConfig(
    idle_ms=None, bucket_ms=600_000, limits=Limits(models=20, contexts=500, label_texts=50, outstanding=20_000)
)
_DECODE: Final = {"predictions": decode_prediction_message, "labels": decode_label_message}


OTHER_SIZES: Final = (1, 61)
"""Taken in turns, from core to core."""


class AccountingError(AssertionError):
    """A row, or a dead letter, that nothing accounts for."""


class Subject:
    """A shard's core, fed batch by batch; names and outstanding rows are bounded low, so that the bounds are met."""

    def __init__(self) -> None:
        self._catalog = catalog()
        self.reasons: Counter[str] = Counter()
        self.messages = 0
        self._cores = 0
        self.discard()

    def feed(self, role: str, values: list[bytes | None], broker_ms: list[int]) -> None:
        """Count a batch; raises AccountingError, or whatever the core raised."""
        core = self.core
        first = core.offsets.get(role, 0)
        batch = RawBatch(0, list(range(first, first + len(values))), broker_ms, values)
        before = core.counts[role].copied()
        letters = _read(core, role, batch)
        after = core.counts[role]
        self.messages += len(values)
        self._fed.append((role, batch))
        rows = sum(rows_of(role, value) for value in values)
        _claim(after.messages - before.messages == len(values), "messages counted are not the messages sent")
        _claim(core.offsets[role] == first + len(values), "the offset is not behind the batch")
        _claim(after.rows - before.rows == rows, f"{after.rows - before.rows} rows counted, {rows} sent")
        _claim(after.balanced(), "rows are not accepted + dead + dropped")
        buried = Counter(letter.reason for letter in letters)
        _claim(buried == Counter(after.dead) - Counter(before.dead), "dead letters are not those counted")
        for letter in letters:
            _check_letter(letter, role, first, values)
        self.reasons.update(f"{role}: dead, {reason}" for reason in buried.elements())

    def close(self) -> None:
        """Check what holds of a whole log: other batches say the same, a checkpoint brings it back; then begin anew."""
        self._check_other_batches()
        self._check_checkpoint()
        for role, counts in self.core.counts.items():
            self.reasons[f"{role}: accepted"] += counts.accepted
            self.reasons[f"{role}: watermarks"] += counts.watermarks
            self.reasons.update({f"{role}: dropped, {reason}": n for reason, n in counts.dropped.items()})
        self.discard()

    def discard(self) -> None:
        """Begin anew."""
        self.core = ShardCore(0, self._catalog, CONFIG)
        self._fed: list[tuple[str, RawBatch]] = []

    def _check_other_batches(self) -> None:
        """Feed the same messages again, cut otherwise: fast paths and slow ones must agree."""
        core, other = self.core, ShardCore(0, self._catalog, CONFIG)
        self._cores += 1
        size = OTHER_SIZES[self._cores % len(OTHER_SIZES)]
        for role, batch in self._fed:
            for start in range(0, len(batch.offsets), size):
                _read(other, role, batch.part(start, start + size))
        _claim(other.counts == core.counts, f"other batches, other counts: {other.counts} and {core.counts}")
        _claim(other.progress == core.progress, "other batches, other watermarks")
        keys = _filled(core)
        _claim(keys == _filled(other), f"other batches, other parts: {keys ^ _filled(other)}")
        for key in keys:
            same = other.store.snapshot(key) == core.store.snapshot(key)
            _claim(same or _without_moments(key, other) == _without_moments(key, core), f"other batches, another {key}")

    def _check_checkpoint(self) -> None:
        """Write the state as a checkpoint would, load it into another core, compare."""
        core = self.core
        checkpoint = Checkpoints(core, 1, 0).take(0)
        if checkpoint is not None:
            delta = checkpoint.delta
            fields = {name: value for name, value in delta.fields.items() if value is not None}
            again = ShardCore(0, self._catalog, CONFIG)
            again.load(Loaded(2, 1, fields, dict(delta.appends), dict(delta.offsets), {}))
            _claim(again.counts == core.counts, "the counts did not survive a checkpoint")
            _claim(again.progress == core.progress, "the watermarks did not survive a checkpoint")
            for key in core.store:
                _claim(again.store.snapshot(key) == core.store.snapshot(key), f"{key} did not survive a checkpoint")


def rows_of(role: str, value: bytes | None) -> int:
    """How many rows a message stands for: what cannot be read is one, a control record none."""
    try:
        event = _DECODE[role](value or b"")
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is one message
        return 1
    if isinstance(event, PredictionBatch):
        rows = unbatch(event)
        return 1 if isinstance(rows, Problem) else len(rows)
    if isinstance(event, Watermark):
        return 0 if 0 <= event.timestamp_ms < 253_402_300_800_000 else 1
    return 1


def _read(core: ShardCore, role: str, batch: RawBatch) -> list[DeadLetter]:
    """Count a batch; a model that should have grids by now never gets any, so its rows wait for nothing."""
    if role != "predictions":
        return core.labels(batch)
    letters = core.predictions(batch)
    while core.awaited:
        core.impatient |= {core.awaited}
        letters += core.predictions(batch.since(core.offsets.get(role)))
    return letters


def _filled(core: ShardCore) -> set[PartKey]:
    """Return the keys of parts that hold anything: what one label added and another took back may never have been."""
    return {
        key for key in core.store if not (key.part == "outcome" and core.store.snapshot(key) == _nothing(core, key))
    }


def _nothing(core: ShardCore, key: PartKey) -> bytes:
    return new_part(core.rules.catalog.compiled_for(key.model, key.pane_start_ms), key).snapshot()


def _without_moments(key: PartKey, core: ShardCore) -> bytes:
    """Return a part's body without float moments, whose last bits depend on the order of merging."""
    part = load_part(key.part, core.store.snapshot(key))
    if isinstance(part, InputsPart):
        part.moments = Moments(part.numeric + 1)
    return part.snapshot()


def _check_letter(letter: DeadLetter, role: str, first: int, values: list[bytes | None]) -> None:
    _claim((letter.role, letter.partition) == (role, 0), "a dead letter is of another topic")
    _claim(0 <= letter.offset - first < len(values), "a dead letter's offset is not in the batch")
    _claim(letter.raw == (values[letter.offset - first] or b""), "a dead letter does not hold the message's bytes")
    _claim(bool(letter.reason and letter.detail), "a dead letter does not say why")
    letter_headers(letter, TopicNames())  # they must be writable, whatever the message held


def _claim(holds: bool, what: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise AccountingError(what)
