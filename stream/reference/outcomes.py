"""Labels of a reference file as outcomes, at the age at which each came."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from stream.model.compiled import BEYOND_HORIZON, CompiledModel
from stream.parts.assemble import score_column
from stream.parts.columns import Float64Array, OutcomeRows
from stream.parts.encoding import category_text, encode_class, encode_label
from stream.parts.keys import segment_label
from stream.reference.table import NO_TIME, Int64Array, ReferenceFileError, ReferenceTable
from tidegauge.definition import Definition

# As for live labels: clocks of two services may differ by this much.
LABEL_SKEW_MS = 10_000


def label_rows(compiled: CompiledModel, table: ReferenceTable) -> tuple[OutcomeRows, tuple[str, ...]]:
    """Return the outcomes of a table that has labels, and notes on the labels left out.

    Without `label_timestamp` every label counts at the horizon: nobody can say when it came.

    Raises
    ------
    ReferenceFileError
        If no label can be read by the task.
    """
    labels = _encoded_labels(compiled, table)
    ages_ms = _ages(compiled, table)
    known = ~np.isnan(labels)
    early = known & (ages_ms < -LABEL_SKEW_MS)
    rungs_ms = compiled.rungs_of(ages_ms)
    late = known & (rungs_ms == BEYOND_HORIZON)
    rows = np.flatnonzero(known & ~early & ~late)
    contexts, context = _contexts(compiled, table)
    scores = _scores(compiled, table)
    outcomes = OutcomeRows(
        compiled=compiled,
        version="",
        predicted_ms=table.timestamps_ms[rows],
        rung_ms=rungs_ms[rows],
        score=scores[rows],
        label=labels[rows],
        sign=np.ones(len(rows), dtype=np.int64),
        on_time=np.ones(len(rows), dtype=np.bool_),
        contexts=contexts,
        context=context[rows],
    )
    strange = _strange(compiled, table, scores, labels)
    return outcomes, (*strange, *_notes(int(early.sum()), int(late.sum())))


def _strange(compiled: CompiledModel, table: ReferenceTable, scores: Float64Array, labels: Float64Array) -> list[str]:
    """Return notes on labels and predictions that the definition does not know."""
    definition, given = compiled.definition, table.labels or []
    if definition.positive is not None and not (labels == 1).any() and (labels == 0).any():
        return [f"no label is {definition.positive}, the positive one: there are {', '.join(_examples(given))}"]
    if compiled.task != "multiclass":
        return []
    notes = []
    for what, values, codes in (("labels", given, labels), ("predictions", table.predictions, scores)):
        others = [value for value, code in zip(values, codes, strict=True) if code == len(definition.classes)]
        if others:
            notes.append(f"{len(others)} {what}, such as {', '.join(_examples(others))}, are not among `classes`")
    return notes


def odd_predictions(definition: Definition, predictions: Iterable[object]) -> tuple[str, ...]:
    """Return a note where predictions are classes and none of them is the positive one."""
    texts = [value for value in predictions if isinstance(value, str)]
    if definition.task != "binary" or definition.positive is None or not texts or definition.positive in texts:
        return ()
    return (f"no prediction is {definition.positive}, the positive one: texts such as {texts[0]} count as 0",)


def _examples(values: Iterable[object]) -> list[str]:
    texts = Counter(text for text in map(category_text, values) if text is not None)
    return [text for text, _ in texts.most_common(3)]


def _notes(early: int, late: int) -> tuple[str, ...]:
    notes = []
    if early:
        notes.append(f"{early} labels left out: they came before their predictions")
    if late:
        notes.append(f"{late} labels left out: they came after the label horizon")
    return tuple(notes)


def _encoded_labels(compiled: CompiledModel, table: ReferenceTable) -> Float64Array:
    given = table.labels or []
    labels = np.array([encode_label(compiled.definition, label) for label in given], dtype=np.float64)
    examples = _examples(given)
    if examples and np.isnan(labels).all():
        hint = ": say which is positive, as `positive: ...`" if compiled.task == "binary" else ""
        raise ReferenceFileError(
            f"{table.source}: task {compiled.task} cannot read labels such as {', '.join(examples)}{hint}"
        )
    return labels


def _ages(compiled: CompiledModel, table: ReferenceTable) -> Int64Array:
    times = table.label_timestamps_ms
    if times is None:
        return np.full(len(table), compiled.label_horizon_ms, dtype=np.int64)
    # A label without a time is treated like one of a file without times.
    return np.where(times == NO_TIME, compiled.label_horizon_ms, times - table.timestamps_ms)


def _scores(compiled: CompiledModel, table: ReferenceTable) -> Float64Array:
    if compiled.task != "multiclass":
        return score_column(compiled.definition, table.predictions)
    return np.array([encode_class(compiled.definition, value) for value in table.predictions], dtype=np.float64)


def _contexts(compiled: CompiledModel, table: ReferenceTable) -> tuple[list[tuple[str, ...]], Int64Array]:
    """Return the distinct lists of segments, and which one each row has."""
    codes: dict[tuple[str | None, ...], int] = {}
    columns = [table.segments[name] for name in compiled.segments]
    rows = zip(*columns, strict=True) if columns else (() for _ in range(len(table)))
    context = np.fromiter((codes.setdefault(row, len(codes)) for row in rows), np.int64, len(table))
    contexts = [
        tuple(
            segment_label(name, value) for name, value in zip(compiled.segments, row, strict=True) if value is not None
        )
        for row in codes
    ]
    return contexts, context
