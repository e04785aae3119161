"""From matched pairs to changes of outcomes: one vectorised step where a prediction has one label, else the ladder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.parts.columns import OutcomeRows
from stream.profiler.join_log import KIND_SHIFT, LATE, POSITION_SHIFT
from stream.profiler.label_texts import LabelTexts
from stream.profiler.ladder import LabelFact, changes, steps
from stream.profiler.resolve import Resolver, distinct_codes
from stream.profiler.runs import Int64, Records

Bool = NDArray[np.bool_]
_MANY = 8
"""Labels of a prediction from which on those that count are looked for first, all predictions at once."""

_KIND_MASK = (1 << (POSITION_SHIFT - KIND_SHIFT)) - 1


@dataclass(frozen=True, slots=True)
class Pairs:
    """Predictions, and labels that meet them: pair i is (`predictions[prediction[i]]`, `labels[i]`).

    `new` marks pairs that nobody counted yet.
    """

    predictions: Records
    prediction: Int64
    labels: Records
    new: Bool

    def keep(self, mask: Bool) -> "Pairs":
        """Return only some of the pairs."""
        return Pairs(self.predictions, self.prediction[mask], self.labels[mask], self.new[mask])


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes of outcomes, row by row; `prediction` is an index."""

    prediction: Int64
    rung_ms: Int64
    value: NDArray[np.float64]
    sign: Int64
    on_time: Bool


def settle(pairs: Pairs, resolver: Resolver, texts: LabelTexts) -> list[OutcomeRows]:
    """Outcomes that the new pairs add, and those they take back.

    For each prediction all pairs must be there, the old ones too. O(pairs log pairs); some microseconds for each label
    of a prediction that has several, and hardly any for those of one that has very many.
    """
    if not len(pairs.prediction):
        return []
    rung_ms = np.zeros(len(pairs.prediction), dtype=np.int64)
    value = np.zeros(len(pairs.prediction))
    predictions = pairs.predictions[pairs.prediction]
    for compiled, rows in resolver.by_shape(resolver.kinds_of(predictions)):
        rung_ms[rows] = compiled.rungs_of(pairs.labels["ts_ms"][rows] - predictions["ts_ms"][rows])
        stands_for = (pairs.labels["position"][rows] >> KIND_SHIFT & _KIND_MASK).astype(np.int64)
        value[rows] = texts.encode(compiled.definition, stands_for, pairs.labels["value"][rows])
    changed = _changes(pairs, rung_ms, value)
    owners = pairs.predictions[changed.prediction]
    kinds = resolver.kinds_of(owners)
    return [_outcomes(some, rows, kinds, changed, owners, resolver) for some, rows in resolver.by_shape(kinds)]


def _changes(pairs: Pairs, rung_ms: Int64, value: NDArray[np.float64]) -> _Changes:
    counts = np.bincount(pairs.prediction, minlength=len(pairs.predictions))
    alone = (counts[pairs.prediction] == 1) & pairs.new
    on_time = (pairs.predictions["flags"][pairs.prediction] & LATE == 0) & (pairs.labels["position"] & LATE == 0)
    simple = _Changes(
        pairs.prediction[alone], rung_ms[alone], value[alone], np.ones(int(alone.sum()), dtype=np.int64), on_time[alone]
    )
    if alone.all():
        return simple
    several = _several(pairs, rung_ms, value, np.flatnonzero(counts[pairs.prediction] > 1))
    return _Changes(*(np.concatenate([getattr(simple, n), getattr(several, n)]) for n in _Changes.__slots__))


def _several(pairs: Pairs, rung_ms: Int64, value: NDArray[np.float64], rows: Int64) -> _Changes:
    """Predictions with more than one label: what all labels say, minus what the old ones said."""
    if len(rows) > _MANY * len(pairs.predictions):
        rows = _that_count(pairs, rung_ms, rows)
    facts: dict[int, tuple[list[LabelFact], list[LabelFact]]] = {}
    labels = pairs.labels
    for row in rows.tolist():
        position = int(labels["position"][row])
        late = bool(position & LATE)
        fact = LabelFact(int(labels["ts_ms"][row]), position, int(rung_ms[row]), float(value[row]), late)
        facts.setdefault(int(pairs.prediction[row]), ([], []))[int(pairs.new[row])].append(fact)
    out: list[tuple[int, int, float, int, bool]] = []
    for prediction, (old, new) in facts.items():
        on_time = not int(pairs.predictions["flags"][prediction]) & LATE
        for step, count in changes(steps(old, on_time=on_time), steps([*old, *new], on_time=on_time)):
            sign = 1 if count > 0 else -1
            out.extend([(prediction, step.age_ms, step.label.value, sign, step.on_time)] * abs(count))
    columns = list(zip(*out, strict=True)) or [(), (), (), (), ()]
    kinds = (np.int64, np.int64, np.float64, np.int64, np.bool_)
    return _Changes(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))


def _that_count(pairs: Pairs, rung_ms: Int64, rows: Int64) -> Int64:
    """Leave out labels behind a newer one of their rung: a service that calls everything by one id has millions."""
    labels = pairs.labels[rows]
    alike = (rung_ms[rows], labels["position"] & LATE, pairs.new[rows], pairs.prediction[rows])
    order = np.lexsort((labels["position"], labels["ts_ms"], *alike))
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = np.any([key[order][1:] != key[order][:-1] for key in alike], axis=0)
    return rows[np.sort(order[last])]


def _outcomes(
    compiled: CompiledModel, rows: Int64, kinds: Int64, changed: _Changes, owners: Records, resolver: Resolver
) -> OutcomeRows:
    """Lay out changes of models of one shape, `compiled` among them."""
    contexts = distinct_codes(owners["context"][rows])
    return OutcomeRows(
        compiled=compiled,
        version="",
        predicted_ms=owners["ts_ms"][rows],
        rung_ms=changed.rung_ms[rows],
        score=owners["score"][rows].astype(np.float64),
        label=changed.value[rows],
        sign=changed.sign[rows],
        on_time=changed.on_time[rows],
        contexts=[resolver.names.resolve(index).segments for index in contexts.tolist()],
        context=np.searchsorted(contexts, owners["context"][rows]).astype(np.int64),
        kinds=resolver.kinds,
        kind=kinds[rows],
    )
