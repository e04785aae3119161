"""Meeting of predictions and labels, whichever comes first; the result depends on the two sets alone, not on the order.

Matching is by timestamps: a label belongs to every prediction of its id that is at most the clocks' skew younger and at
most the label horizon older. What it adds to which rung, and what it takes back, is in `ladder`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.parts.columns import OutcomeRows
from stream.parts.hashes import hash_ids
from stream.profiler.config import ShardConfig
from stream.profiler.join_log import LABEL_RECORD, PREDICTION_RECORD, TimedLog
from stream.profiler.label_texts import LabelTexts
from stream.profiler.names import Names
from stream.profiler.resolve import Resolver
from stream.profiler.runs import Int64, Records, distinct
from stream.profiler.settle import Pairs, settle

Bool = NDArray[np.bool_]


class Joiner:
    """Both logs of one shard, and the outcomes that follow from them.

    Attributes
    ----------
    anonymous
        Whether a label without a model was ever seen: only then are predictions looked up under that hash too.
    joined
        For each bucket of label time, how many of its labels found a prediction.
    """

    def __init__(self, names: Names, config: ShardConfig) -> None:
        self._names, self._config = names, config
        self.texts = LabelTexts(config.limits.label_texts)
        self.predictions = TimedLog(PREDICTION_RECORD, config.bucket_ms)
        self.labels = TimedLog(LABEL_RECORD, config.bucket_ms)
        self.anonymous = False
        self.joined: dict[int, int] = {}

    def add_predictions(self, records: Records, ids: Sequence[str], resolver: Resolver) -> list[OutcomeRows]:
        """Remember predictions; returns the outcomes of labels that were there before them."""
        index, labels = self.labels.find(records["hash"])
        if self.anonymous:
            other_index, others = self.labels.find(hash_ids("", ids))
            index, labels = np.concatenate([index, other_index]), np.concatenate([labels, others])
        if len(index):
            earlier = self.predictions.find(labels["hash"])
            pairs = self._matching(Pairs(records, index, labels, np.ones(len(index), dtype=np.bool_)), resolver)
            self._count_first(pairs, earlier, labels, resolver)
        self.predictions.append(records)
        return self._settle(pairs, resolver) if len(index) else []

    def add_labels(
        self, records: Records, ids: Sequence[str], anonymous: Bool, resolver: Resolver
    ) -> list[OutcomeRows]:
        """Remember labels; returns what they change in the outcomes of predictions that were there before them."""
        self.anonymous = self.anonymous or bool(anonymous.any())
        index, predictions = self._partners(records, ids, anonymous)
        outcomes: list[OutcomeRows] = []
        if len(index):
            fresh = Pairs(predictions, np.arange(len(index)), records[index], np.ones(len(index), dtype=np.bool_))
            matched = self._matching(fresh, resolver)
            met = np.zeros(len(records), dtype=np.bool_)
            met[index[matched.prediction]] = True
            self._count(records["ts_ms"][met])
            outcomes = self._settle(self._with_history(matched, ids, index), resolver)
        self.labels.append(records)
        return outcomes

    def free(self, before_ms: int) -> int:
        """Forget the buckets that end at or before an instant; returns how many of their labels never matched."""
        self.predictions.free(before_ms)
        held = len(self.labels)
        gone = self.labels.free(before_ms)
        # A label without a model that waited for two of them is counted by both: hence never below zero.
        return max(held - len(self.labels) - sum(self.joined.pop(start, 0) for start in gone), 0)

    def _partners(self, records: Records, ids: Sequence[str], anonymous: Bool) -> tuple[Int64, Records]:
        """Predictions with the labels' ids, as (index of the label, prediction)."""
        named = np.flatnonzero(~anonymous)
        index, found = self.predictions.find(records["hash"][named])
        indices, predictions = [named[index]], [found]
        if len(named) < len(records):
            rest = np.flatnonzero(anonymous)
            for model in self._names.models:
                index, found = self.predictions.find(hash_ids(model, [ids[i] for i in rest.tolist()]))
                indices.append(rest[index])
                predictions.append(found)
        return np.concatenate(indices), np.concatenate(predictions)

    def _matching(self, pairs: Pairs, resolver: Resolver) -> Pairs:
        """Keep the pairs whose timestamps match."""
        predictions = pairs.predictions[pairs.prediction]
        horizon_ms = resolver.horizons_ms(resolver.kinds_of(predictions))
        age_ms = pairs.labels["ts_ms"] - predictions["ts_ms"]
        return pairs.keep((age_ms >= -self._config.label_skew_ms) & (age_ms <= horizon_ms))

    def _with_history(self, matched: Pairs, ids: Sequence[str], index: Int64) -> Pairs:
        """One entry a prediction, with all its labels: the new ones and those that were there before."""
        if not len(matched.prediction):
            return matched
        rows = matched.predictions[matched.prediction]
        first, prediction = distinct(rows)
        predictions = rows[first]
        old_index, old = self.labels.find(predictions["hash"])
        if self.anonymous:
            some = [ids[i] for i in index[matched.prediction[first]].tolist()]
            other_index, others = self.labels.find(hash_ids("", some))
            old_index, old = np.concatenate([old_index, other_index]), np.concatenate([old, others])
        new = np.concatenate([np.ones(len(prediction), dtype=np.bool_), np.zeros(len(old), dtype=np.bool_)])
        labels = np.concatenate([matched.labels, old])
        return Pairs(predictions, np.concatenate([prediction, old_index]), labels, new)

    def _settle(self, pairs: Pairs, resolver: Resolver) -> list[OutcomeRows]:
        return settle(self._matching(pairs, resolver), resolver, self.texts)

    def _count_first(self, pairs: Pairs, earlier: tuple[Int64, Records], labels: Records, resolver: Resolver) -> None:
        """Count labels that match for the first time: no earlier prediction had them."""
        index, predictions = earlier
        old = Pairs(predictions, np.arange(len(index)), labels[index], np.ones(len(index), dtype=np.bool_))
        before = self._matching(old, resolver).labels["position"]
        _, first = np.unique(pairs.labels["position"], return_index=True)
        fresh = pairs.labels[first]
        self._count(fresh["ts_ms"][~np.isin(fresh["position"], before)])

    def _count(self, labels_ms: Int64) -> None:
        bucket_ms = self._config.bucket_ms
        for bucket, count in zip(*np.unique(labels_ms // bucket_ms, return_counts=True), strict=True):
            start = int(bucket) * bucket_ms
            self.joined[start] = self.joined.get(start, 0) + int(count)
