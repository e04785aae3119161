"""The shard: predictions[i] and labels[i] in, profiles and checkpoints out. No Kafka, no Redis, no clock."""

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.checkpoint.values import Loaded
from stream.model.catalog import Catalog
from stream.model.compiled import ALWAYS_MS, CompiledModel
from stream.parts.columns import Coded
from stream.parts.hashes import hash_rows
from stream.parts.kinds import Kinds
from stream.parts.store import PartStore
from stream.profiler.blocks import blocks
from stream.profiler.column_fields import ColumnFields
from stream.profiler.columns import make_columns, outcome_scores
from stream.profiler.config import ShardConfig
from stream.profiler.counts import TopicCounts
from stream.profiler.decode import LABELS, PREDICTIONS, Decoded, decode_labels, decode_predictions
from stream.profiler.duplicates import first_of_each
from stream.profiler.fields import Int64, PredictionFields
from stream.profiler.intake import Judged, event_times, judge, skip_read
from stream.profiler.join_log import LATE, PREDICTION_RECORD
from stream.profiler.label_texts import declared_texts
from stream.profiler.learning import Learning
from stream.profiler.memory import Memory
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.names import Names
from stream.profiler.resolve import Resolver
from stream.profiler.routes import Alike, Routes
from stream.profiler.rules import Rules
from stream.profiler.runs import Records
from stream.profiler.schedule import Progress
from stream.profiler.silence import Silence
from stream.profiler.state import META, Meta, decode_meta, encode_meta, stored_parts
from stream.profiler.switches import Switches
from stream.profiler.typed import TypedChoice
from stream.profiler.watermarks import TopicClock
from stream.profiler.wide_rows import pieces
from stream.timeline.durations import DAY_MS
from tidegauge.events import Prediction
from tidegauge.profiles import ShardWatermark

Bool = NDArray[np.bool_]
Layout = TypeVar("Layout", PredictionFields, ColumnFields)
AnyJudged = Judged[PredictionFields] | Judged[ColumnFields]

LOSS_TOLD_MS = DAY_MS
"""How long (wall clock) monitors are told that something was lost: windows of a day lack it."""


class ShardCore:
    """State of one shard: a deterministic function of its two logs and the catalog.

    Parameters
    ----------
    shard
        Number of the partition of both topics.
    catalog
        Definitions in force; replaced by `set_catalog`.
    config
        Rules of event time.

    Notes
    -----
    The same messages in other batches, or with the two topics interleaved otherwise, give the same parts: byte for
    byte in all counts and exact sums. Not thread-safe. Memory: the open parts, 30 bytes a remembered prediction or
    label, and the names; each is bounded by `config.limits` and counted.
    """

    def __init__(self, shard: int, catalog: Catalog, config: ShardConfig | None = None) -> None:
        self.shard = shard
        self.config = config or ShardConfig()
        self.catalog = catalog
        self.rules = Rules.of(catalog, self.config)
        self.store = PartStore()
        self.names = Names(self.config.limits)
        self.learning = Learning(self.config.limits.models)
        self.switches = Switches()
        self.impatient: frozenset[str] = frozenset()
        self.awaited = ""
        self.never_labelled = False
        self.memory = Memory(self.names, self.config)
        self.clocks = {PREDICTIONS: TopicClock(), LABELS: TopicClock()}
        self.counts = {PREDICTIONS: TopicCounts(), LABELS: TopicCounts()}
        self.offsets: dict[str, int] = {}
        self.loss, self.loss_ms = "", 0
        self._silence = Silence(self.config.idle_ms)
        self._typed = TypedChoice(self.config.limits)
        self._follow(catalog)

    @property
    def progress(self) -> Progress:
        """Both watermarks, as told to monitors: the greatest lateness of any model is subtracted."""
        lateness_ms = self.rules.max_lateness_ms
        return Progress(*(self.clocks[role].watermark_ms(lateness_ms) for role in (PREDICTIONS, LABELS)))

    @property
    def idle(self) -> bool:
        """Whether the watermarks move by the wall clock."""
        return self._silence.declared

    def predictions(self, batch: RawBatch) -> list[DeadLetter]:
        """Count a batch of the `predictions` topic; returns what could not be read.

        Stops, as `offsets` tell, before a row whose model should have grids by now; see `awaited`.
        """
        letters: list[DeadLetter] = []
        self.awaited = ""
        for block in blocks(batch, self.offsets.get(PREDICTIONS), self.rules.catalog, self.config.limits):
            if block.decoded is not None:
                letters += self._count(self._advance(PREDICTIONS, block.batch), block.decoded)
            else:
                letters += self._read_rows(block.batch)
            if self.awaited:
                break
        return letters

    def labels(self, batch: RawBatch) -> list[DeadLetter]:
        """Count a batch of the `labels` topic; returns what could not be read."""
        batch = self._advance(LABELS, batch)
        decoded = decode_labels(batch, self.config.limits)
        judged = judge(batch, decoded, self.clocks[LABELS], self.rules, self.counts[LABELS])
        if judged.fields.ids:
            for outcomes in self.memory.add_labels(judged, self.counts[LABELS], self._resolver):
                self.store.add_outcomes(outcomes)
        self._free()
        return judged.dead

    def set_catalog(self, catalog: Catalog) -> None:
        """Go on under other definitions. A watermark that was told is never taken back, whatever lateness they have."""
        before = self.progress
        self._follow(catalog)
        self.clocks[PREDICTIONS].lift(before.predictions_ms)
        self.clocks[LABELS].lift(before.labels_ms)

    def tick(self, wall_ms: int, quiet_since_ms: int | None) -> bool:
        """Let silence pass: returns whether the watermarks moved.

        Parameters
        ----------
        wall_ms
            Now, by the wall clock.
        quiet_since_ms
            Since when the shard has been at the end of both logs; None when it is not.
        """
        if self.loss and wall_ms - self.loss_ms >= LOSS_TOLD_MS:
            self.loss = ""
        floors = self._silence.floors(wall_ms, quiet_since_ms, self.progress, self.config.lateness_ms)
        if floors is None:
            return False
        self.clocks[PREDICTIONS].lift(floors.predictions_ms)
        self.clocks[LABELS].lift(floors.labels_ms)
        self._free()
        return True

    @property
    def unlabelled(self) -> bool:
        """Whether `labels` never held a label, nor said how far there are none: feedback alone, perhaps, or rubbish."""
        return self.clocks[LABELS].newest_ms < 0 and not self.counts[LABELS].watermarks

    def free_unlabelled(self) -> None:
        """Forget old predictions although no label has come; only while the log of labels is known to hold none.

        Beside a log that holds some, what is remembered would depend on which of the two is read first.
        """
        self.memory.free_unlabelled(self.progress.predictions_ms, self.rules)

    def skip_to(self, role: str, offset: int) -> None:
        """Go on at an offset, if it is further: the records before it are gone, and counted as gaps."""
        before = self.offsets.get(role, offset)
        self.counts[role].gaps += max(offset - before, 0)
        self.offsets[role] = max(offset, before)

    def watermark(self, epoch: int, seq: int) -> ShardWatermark:
        """How far the shard has come, as a message says it."""
        progress = self.progress
        newest_ms = max(clock.newest_ms for clock in self.clocks.values())
        told = (progress.predictions_ms, progress.labels_ms, newest_ms)
        never = self.never_labelled
        return ShardWatermark(self.shard, epoch, seq, *told, idle=self.idle, loss=self.loss, unlabelled=never)

    def take_fields(self) -> dict[bytes, bytes | None]:
        """State that is no part and no join record, where it changed since the last call; None: gone."""
        predictions, labels, joiner = self.clocks[PREDICTIONS], self.clocks[LABELS], self.memory.joiner
        meta = Meta(
            predictions_newest_ms=predictions.newest_ms,
            predictions_floor_ms=predictions.floor_ms,
            labels_newest_ms=labels.newest_ms,
            labels_floor_ms=labels.floor_ms,
            predictions=self.counts[PREDICTIONS],
            labels=self.counts[LABELS],
            anonymous=joiner.anonymous,
            joined=joiner.joined,
            unmatched=self.memory.unmatched,
            undeclared_ms=self.memory.undeclared_ms,
            loss=self.loss,
            loss_ms=self.loss_ms,
            day=self.memory.day,
            names_from_day=self.names.from_day,
        )
        return {
            META: encode_meta(meta),
            **self.names.take_changes(),
            **joiner.texts.take_changes(),
            **self.learning.take_changes(),
            **self.switches.take_changes(),
        }

    def load(self, loaded: Loaded) -> None:
        """Take in stored state; the shard must be new."""
        meta = decode_meta(loaded.fields)
        self.clocks[PREDICTIONS] = TopicClock(meta.predictions_newest_ms, meta.predictions_floor_ms)
        self.clocks[LABELS] = TopicClock(meta.labels_newest_ms, meta.labels_floor_ms)
        self.counts = {PREDICTIONS: meta.predictions, LABELS: meta.labels}
        self.loss, self.loss_ms = meta.loss, meta.loss_ms
        self.offsets = dict(loaded.offsets)
        self.names.load(loaded.fields, meta.names_from_day, meta.predictions_newest_ms // DAY_MS)
        self.memory.load(meta, loaded)
        for key, body in stored_parts(loaded.fields):
            self.store.load(key, body)
        self.learning.load(loaded.fields)
        self.switches = Switches()
        self.switches.load(loaded.fields)
        self._follow(self.catalog)

    def _follow(self, catalog: Catalog) -> None:
        """Count by a catalog from now on; what waits is counted by the one before."""
        self.store.count_pending()
        self.catalog = catalog
        self.memory.joiner.texts.declared = declared_texts(catalog)
        self.rules = Rules.of(self.switches.view(catalog, self._touched_ms), self.config)
        self._number()

    def _number(self) -> None:
        """Give new numbers to what rows are counted under; none that has an old one may wait."""
        kinds = Kinds()
        self._routes = Routes(self.names, kinds, self.rules.catalog)
        self._resolver = Resolver(self.names, kinds, self.rules.catalog)

    def _read_rows(self, batch: RawBatch) -> list[DeadLetter]:
        decoded = self._decode(batch)
        stop = self._until_grids(batch, decoded)
        if stop is not None:
            batch = batch.part(0, bisect_left(batch.offsets, stop.offset))
            decoded = self._decode(batch)
        letters = self._count(self._advance(PREDICTIONS, batch), decoded)
        if stop is not None:
            self.clocks[PREDICTIONS].lift(stop.watermark_ms)
            self._free()
        return letters

    def _count(self, batch: RawBatch, decoded: Decoded[Prediction, Layout]) -> list[DeadLetter]:
        judged = judge(batch, decoded, self.clocks[PREDICTIONS], self.rules, self.counts[PREDICTIONS])
        if judged.fields.ids:
            for day, part in judged.by_day(self.rules.max_lateness_ms):
                if self.memory.begin_day(day, self.rules):
                    self.store.count_pending()
                    self._number()
                self._take_predictions(part)
        self._free()
        return judged.dead

    def _decode(self, batch: RawBatch) -> Decoded[Prediction, PredictionFields]:
        """Decode what was not read yet, with the decoder made for its models where they have the same features."""
        typed = self._typed.next(self.rules.catalog)
        decoded = decode_predictions(batch.since(self.offsets.get(PREDICTIONS)), self.config.limits, typed)
        models = set(decoded.fields.models)
        if models:
            self._typed.saw(models, self.rules.catalog, tried=typed is not None, fitted=bool(decoded.typed))
        return decoded

    def _until_grids(self, batch: RawBatch, decoded: Decoded[Prediction, PredictionFields]) -> "_Stop | None":
        """Return the first message of a batch that must wait for grids, None without one.

        The watermark goes on as far as that message is sure to bring it: else the monitor, which waits for the
        watermark to pass the sample's end, and the shard would wait for each other.
        """
        models = decoded.fields.models
        if not self.learning.among(models, self.rules.catalog):
            return None
        fresh = batch.since(self.offsets.get(PREDICTIONS))
        timestamps_ms = event_times(fresh, decoded, self.rules)[0].tolist()
        row = self.learning.first_waiting(models, timestamps_ms, self.rules.catalog, self.impatient)
        if row is None:
            return None
        self.awaited = models[row]
        message = decoded.message_of_row[row]
        rows = zip(timestamps_ms, decoded.message_of_row, strict=True)
        earliest_ms = min(ms for ms, at in rows if at == message)
        due_ms = self.learning.due_ms(self.awaited)
        return _Stop(fresh.offsets[message], min(earliest_ms, due_ms) - self.rules.max_lateness_ms)

    def _touched_ms(self, model: str) -> int:
        """Return the end of the last pane of a model that may hold rows; `ALWAYS_MS` for a model never seen.

        Of parts that have left, all that is known is that no row reaches them any more.
        """
        if model not in self.names.models:
            return ALWAYS_MS
        ends = (key.pane_end_ms for key in self.store if key.model == model)
        return max(ends, default=self.progress.predictions_ms - self.config.retention_ms)

    def _advance(self, role: str, batch: RawBatch) -> RawBatch:
        batch = skip_read(batch, self.offsets.get(role), self.counts[role])
        if batch.offsets:
            self.offsets[role] = batch.offsets[-1] + 1
            self._silence.end()
        return batch

    def _take_predictions(self, judged: AnyJudged) -> None:
        fields = judged.fields
        routed = self._routes.route(fields, judged.timestamps_ms)
        self.names.used(routed.contexts, judged.timestamps_ms // DAY_MS)
        self.memory.meet(judged, self.rules)
        records = np.zeros(len(fields.ids), dtype=PREDICTION_RECORD.memory)
        records["hash"] = hash_rows(fields.models, fields.ids)
        records["ts_ms"], records["context"] = judged.timestamps_ms, routed.contexts
        records["flags"] = np.where(judged.on_time, 0, LATE)
        keep = first_of_each(records, self.memory.joiner.predictions, self._resolver)
        for alike in routed.alike:
            self._add_alike(alike, judged, records, keep)
        for group in routed.groups:
            kept = np.flatnonzero(keep[group.rows])
            segments = {name: coded.take(kept) for name, coded in group.segments.items()}
            for piece in pieces(group.compiled, judged, group.rows[kept], segments):
                self._add(
                    group.compiled, group.version, piece.rows, judged, records, piece.segments, fields=piece.fields
                )
        counts = self.counts[PREDICTIONS]
        counts.drop("duplicate", int(len(keep) - keep.sum()))
        counts.accepted += int(keep.sum())
        counts.late += int((keep & ~judged.on_time).sum())
        for outcomes in self.memory.add_predictions(records, judged.fields.ids, keep, counts, self._resolver):
            self.store.add_outcomes(outcomes)

    def _add_alike(self, alike: Alike, judged: AnyJudged, records: Records, keep: Bool) -> None:
        """Count rows of one shape together."""
        kinds, kind, rows, segments = self._resolver.kinds, alike.kind, alike.rows, alike.segments
        if not keep.all():
            places = np.arange(len(keep)) if rows is None else rows
            kept = np.flatnonzero(keep[places])
            rows, kind = places[kept], kind[kept]
            segments = {name: coded.take(kept) for name, coded in segments.items()}
        if len(kind):
            self._add(kinds[int(kind[0])].compiled, "", rows, judged, records, segments, kinds, kind)

    def _add(
        self,
        compiled: CompiledModel,
        version: str,
        rows: Int64 | None,
        judged: AnyJudged,
        records: Records,
        segments: dict[str, Coded],
        kinds: Kinds | None = None,
        kind: Int64 | None = None,
        fields: PredictionFields | None = None,
    ) -> None:
        """Lay some rows (None: all) out as columns, note their scores, and hand them on.

        `fields` are those rows' where they are not the batch's own.
        """
        if rows is not None and not len(rows):
            return
        some = slice(None) if rows is None or len(rows) == len(records) else rows
        noted: Counter[str] = Counter()
        columns = make_columns(
            compiled,
            version,
            fields or (judged.fields if isinstance(some, slice) else judged.fields.take(some)),
            judged.timestamps_ms[some],
            judged.on_time[some],
            records["hash"][some],
            segments,
            noted,
            kinds,
            kind,
        )
        self.counts[PREDICTIONS].note(noted)
        records["score"][some] = outcome_scores(columns)
        self.store.add_inputs(columns)

    def _free(self) -> None:
        progress = self.progress
        self.memory.free(min(progress.predictions_ms, progress.labels_ms), self.rules)


class _Stop(NamedTuple):
    """A message that must wait, and the watermark it is sure to bring."""

    offset: int
    watermark_ms: int
