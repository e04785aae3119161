"""What a shard remembers of predictions and labels, as many as there may be and as long as a partner can come."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stream.checkpoint.values import Loaded
from stream.parts.columns import OutcomeRows
from stream.parts.hashes import hash_rows
from stream.profiler.column_fields import ColumnFields
from stream.profiler.config import ShardConfig
from stream.profiler.counts import TopicCounts
from stream.profiler.fields import LabelFields, PredictionFields, take
from stream.profiler.intake import Judged
from stream.profiler.join import Joiner
from stream.profiler.join_log import KIND_SHIFT, LABEL_RECORD, LATE, POSITION_SHIFT
from stream.profiler.names import Names
from stream.profiler.resolve import Resolver
from stream.profiler.rules import Rules
from stream.profiler.runs import Records
from stream.profiler.state import Meta
from stream.profiler.watermarks import NEVER_MS
from stream.timeline.durations import DAY_MS


class Memory:
    """The join log of one shard, within its limits.

    Attributes
    ----------
    joiner
        Both logs, and what joins them.
    unmatched
        Labels that were forgotten and had never found a prediction.
    undeclared_ms
        The predictions' watermark when a model was first met that nobody had declared; None: there was none.
    day
        The day (from 1970) of the predictions' watermark, as of the last row.
    """

    def __init__(self, names: Names, config: ShardConfig) -> None:
        self._names, self._limit = names, config.limits.outstanding
        self.joiner = Joiner(names, config)
        self.unmatched = 0
        self.undeclared_ms: int | None = None
        self.day = NEVER_MS

    def begin_day(self, day: int, rules: Rules) -> bool:
        """Let go of names, before the first row whose watermark stands in a new day; whether any name or id went.

        At a row, not when there is no room, or at a batch's end: so the same names are admitted however the log is cut.
        """
        if day <= self.day:
            return False
        self.day = day
        forgotten_ms = rules.in_force(day * DAY_MS).forgotten_ms(day * DAY_MS, self.undeclared_ms)
        return self._names.forget(forgotten_ms // DAY_MS, partial(self.joiner.predictions.held, "context"))

    def add_predictions(
        self, records: Records, ids: Sequence[str], keep: NDArray[np.bool_], counts: TopicCounts, resolver: Resolver
    ) -> list[OutcomeRows]:
        """Remember the predictions that are kept; returns the outcomes of labels that were there before them."""
        rows = np.flatnonzero(keep)
        room = max(self._limit - len(self.joiner.predictions), 0)
        if len(rows) > room:
            counts.note(Counter(join_log_full=len(rows) - room))
            rows = rows[:room]
        if len(rows) < len(records):
            records, ids = records[rows], take(ids, rows.tolist())
        return self.joiner.add_predictions(records, ids, resolver)

    def add_labels(self, judged: Judged[LabelFields], counts: TopicCounts, resolver: Resolver) -> list[OutcomeRows]:
        """Remember labels; returns what they change in the outcomes of predictions that were there before them."""
        fields = judged.fields
        records = self._label_records(judged)
        room = max(self._limit - len(self.joiner.labels), 0)
        counts.drop("join_log_full", max(len(records) - room, 0))
        counts.accepted += min(len(records), room)
        counts.late += int((~judged.on_time)[:room].sum())
        anonymous = np.array([not model for model in fields.models], dtype=np.bool_)
        return self.joiner.add_labels(records[:room], fields.ids[:room], anonymous[:room], resolver)

    def meet(self, judged: Judged[PredictionFields] | Judged[ColumnFields], rules: Rules) -> None:
        """Note how far the predictions had come when the first model was met that is not declared."""
        if self.undeclared_ms is None and self._names.undeclared:
            models, declared = judged.fields.models, rules.catalog.declared
            row = next((row for row, model in enumerate(models) if model not in declared), 0)
            self.undeclared_ms = int(judged.before.watermarks(rules.max_lateness_ms)[row])

    def free(self, reached_ms: int, rules: Rules) -> None:
        """Forget what no partner can reach any more, once both watermarks have come to `reached_ms`."""
        self.unmatched += self.joiner.free(rules.forgotten_ms(reached_ms, self.undeclared_ms))

    def free_unlabelled(self, reached_ms: int, rules: Rules) -> None:
        """Forget predictions where no label ever came, once theirs have come to `reached_ms`.

        Twice as late as beside labels: the first one may be behind the predictions by as much as it may be young.
        """
        further_ms = rules.memory_ms if self.undeclared_ms is None else rules.undeclared_memory_ms
        self.free(reached_ms - further_ms, rules)

    def load(self, meta: Meta, loaded: Loaded) -> None:
        """Take in stored state; the names must be there already."""
        self.joiner.anonymous, self.joiner.joined = meta.anonymous, meta.joined
        self.unmatched, self.undeclared_ms, self.day = meta.unmatched, meta.undeclared_ms, meta.day
        if self.undeclared_ms is None and self._names.undeclared:  # written before that was noted
            self.undeclared_ms = NEVER_MS
        self.joiner.texts.load(loaded.fields)
        self.joiner.predictions.load(loaded.buckets)
        self.joiner.labels.load(loaded.buckets)

    def _label_records(self, judged: Judged[LabelFields]) -> Records:
        fields = judged.fields
        kinds, values = self.joiner.texts.pack_all(fields.labels)
        records = np.zeros(len(fields.ids), dtype=LABEL_RECORD.memory)
        records["hash"], records["ts_ms"] = hash_rows(fields.models, fields.ids), judged.timestamps_ms
        records["value"] = values
        late = np.where(judged.on_time, 0, LATE)
        records["position"] = (judged.offsets << POSITION_SHIFT) | (kinds << KIND_SHIFT) | late
        return records
