"""From bytes to typed events, one pass; what cannot be read becomes a dead letter with a reason, never an exception."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Final, Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.profiler.column_fields import ColumnFields
from stream.profiler.config import Limits
from stream.profiler.fields import LabelFields, PredictionFields
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.typed import PlainLabel, PlainPrediction, Typed
from stream.profiler.unbatch import unbatch
from stream.profiler.validate import (
    Problem,
    label_problem,
    labels_are_fine,
    prediction_problem,
    predictions_are_fine,
    watermark_problem,
)
from tidegauge.codec import decode_label_message, decode_prediction_message
from tidegauge.errors import DecodeError
from tidegauge.events import Label, Prediction, PredictionBatch, Watermark

PREDICTIONS = "predictions"
LABELS = "labels"

_PREDICTION: Final = msgspec.json.Decoder(Prediction)
_PLAIN_PREDICTION: Final = msgspec.json.Decoder(PlainPrediction)
_LABEL: Final = msgspec.json.Decoder(Label)
_PLAIN_LABEL: Final = msgspec.json.Decoder(PlainLabel)

# The last one is a message nested a thousand levels deep: it must not end the worker, and the next, and the next.
_UNREADABLE: Final = (DecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Event = TypeVar("Event", Prediction, Label)
Plain = TypeVar("Plain", PlainPrediction, PlainLabel)
_TYPE_OF: Final = attrgetter("type")

Columns = TypeVar("Columns", PredictionFields, LabelFields, ColumnFields)
Check = Callable[[Event, Limits, bytes], Problem | None]


@dataclass
class Decoded(Generic[Event, Columns]):
    """Readable rows of a batch, each with the index of its message; watermarks likewise; and the dead letters.

    `lay_out` turns the rows into columns, which is done once; `typed` names the features that are typed fields.
    """

    lay_out: Callable[[Sequence[Event]], Columns]
    rows: Sequence[Event] = field(default_factory=list)
    message_of_row: Sequence[int] | NDArray[np.int64] = field(default_factory=list)
    watermarks: list[tuple[int, int]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    feedback: int = 0
    typed: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> Columns:
        """The rows by column; only when no more are added."""
        return self.lay_out(self.rows)

    @cached_property
    def message_indices(self) -> NDArray[np.int64]:
        """`message_of_row`, as an array."""
        return np.array(self.message_of_row, dtype=np.int64)


class _Work(Generic[Event, Columns]):
    """One batch on its way from bytes to rows, one message after the other."""

    def __init__(
        self, role: str, batch: RawBatch, limits: Limits, lay_out: Callable[[Sequence[Event]], Columns]
    ) -> None:
        self.role, self.batch, self.limits = role, batch, limits
        self.rows: list[Event] = []
        self.messages: list[int] = []
        self.out: Decoded[Event, Columns] = Decoded(lay_out, self.rows, self.messages)

    def read(
        self,
        plain: Callable[[bytes], Event],
        problem_of: Check[Event],
        special: Callable[["_Work[Event, Columns]", int, bytes], None],
    ) -> Decoded[Event, Columns]:
        """Decode every message.

        Parameters
        ----------
        plain
            Decodes a message that has no `type`.
        problem_of
            What makes a row unusable.
        special
            Takes the others: (this, index of the message, its bytes); may raise DecodeError.
        """
        for index, raw in enumerate(self.batch.values):
            self._read_one(index, raw, plain, problem_of, special)
        return self.out

    def _read_one(
        self,
        index: int,
        raw: bytes | None,
        plain: Callable[[bytes], Event],
        problem_of: Check[Event],
        special: Callable[["_Work[Event, Columns]", int, bytes], None],
    ) -> None:
        if not raw:
            self.bury(index, Problem("empty", "the message has no value"))
            return
        try:
            if b'"type"' in raw:
                special(self, index, raw)
            else:
                row = plain(raw)
                self.add(index, row, problem_of(row, self.limits, raw))
        except _UNREADABLE as error:
            self.bury(index, _decode_problem(str(error), raw))

    def add(self, index: int, row: Event, problem: Problem | None, number: int | None = None) -> None:
        """Take a row, or bury it; `number` is its place in a batch message."""
        if problem is None:
            self.rows.append(row)
            self.messages.append(index)
        else:
            self.bury(index, problem, number)

    def lift(self, index: int, watermark: Watermark) -> None:
        """Take a watermark."""
        problem = watermark_problem(watermark)
        if problem is None:
            self.out.watermarks.append((index, watermark.timestamp_ms))
        else:
            self.bury(index, problem)

    def bury(self, index: int, problem: Problem, number: int | None = None) -> None:
        """Make a dead letter."""
        raw, offset = self.batch.values[index] or b"", self.batch.offsets[index]
        letter = DeadLetter(problem.reason, problem.detail, self.role, self.batch.partition, offset, raw, number)
        self.out.dead.append(letter)


def decode_predictions(
    batch: RawBatch, limits: Limits, typed: Typed | None = None
) -> Decoded[Prediction, PredictionFields]:
    """Decode rows of the `predictions` topic; the rows of a batch message are laid out one by one.

    Never raises; O(bytes). Memory is that of the decoded rows.

    Parameters
    ----------
    typed
        Decoder of models that the batch is likely to hold; tried first.
    """
    if typed is not None:
        rows = _all_plain(batch, typed.decode)
        if rows is not None:
            fields = PredictionFields.of(rows, typed.names)
            if typed.reads(set(fields.models)) and predictions_are_fine(fields, limits):
                return _together(rows, fields, typed.names)
    rows = _all_plain(batch, _PLAIN_PREDICTION.decode)
    if rows is not None:
        fields = PredictionFields.of(rows)
        if predictions_are_fine(fields, limits):
            return _together(rows, fields)
    work: _Work[Prediction, PredictionFields] = _Work(PREDICTIONS, batch, limits, PredictionFields.of)
    return work.read(_PREDICTION.decode, prediction_problem, _special_prediction)


def decode_labels(batch: RawBatch, limits: Limits) -> Decoded[Label, LabelFields]:
    """Decode rows of the `labels` topic; feedback is checked and counted."""
    rows = _all_plain(batch, _PLAIN_LABEL.decode)
    if rows is not None:
        fields = LabelFields.of(rows)
        if labels_are_fine(fields, limits):
            return _together(rows, fields)
    work: _Work[Label, LabelFields] = _Work(LABELS, batch, limits, LabelFields.of)
    return work.read(_LABEL.decode, label_problem, _special_label)


def _all_plain(batch: RawBatch, decode: Callable[[bytes], Plain]) -> list[Plain] | None:
    """Decode a batch of nothing but plain, well-formed messages; None for any other. Nearly all are."""
    if not all(batch.values):
        return None
    try:
        rows = list(map(decode, batch.values))  # type: ignore[arg-type]  # none of them is None
    except _UNREADABLE:
        return None
    return rows if set(map(_TYPE_OF, rows)) <= {None} else None


def _together(rows: Sequence[Event], fields: Columns, typed: tuple[str, ...] = ()) -> Decoded[Event, Columns]:
    decoded: Decoded[Event, Columns] = Decoded(lambda _: fields, rows, list(range(len(rows))), typed=typed)
    return decoded


def _special_prediction(work: _Work[Prediction, PredictionFields], index: int, raw: bytes) -> None:
    event = decode_prediction_message(raw)
    if isinstance(event, Prediction):  # `type` was a feature's name or value
        work.add(index, event, prediction_problem(event, work.limits, raw))
    elif isinstance(event, PredictionBatch):
        rows = unbatch(event)
        if isinstance(rows, Problem):
            work.bury(index, rows)
            return
        for number, row in enumerate(rows):
            work.add(index, row, prediction_problem(row, work.limits, raw), number)
    else:
        work.lift(index, event)


def _special_label(work: _Work[Label, LabelFields], index: int, raw: bytes) -> None:
    event = decode_label_message(raw)
    if isinstance(event, Label):
        work.add(index, event, label_problem(event, work.limits, raw))
    elif isinstance(event, Watermark):
        work.lift(index, event)
    else:
        work.out.feedback += 1


def _decode_problem(text: str, raw: bytes) -> Problem:
    """Sort msgspec's message under a fixed name, and say what to do where people commonly go wrong."""
    malformed = text.startswith(("JSON is malformed", "Input data was truncated")) or "codec can't decode" in text
    known: tuple[tuple[bool, str, str], ...] = (
        ("recursion depth" in text, "nested_too_deep", "the message is nested more than a thousand levels deep"),
        ("out of range" in text, "number_out_of_range", f"{text}; no number may be beyond 1.8e308"),
        (
            malformed and (b"NaN" in raw or b"Infinity" in raw),
            "invalid_json",
            f"{text}; NaN and Infinity are not JSON: send null for a missing number",
        ),
        (malformed, "invalid_json", text),
        ("missing required field" in text, "missing_field", text),
        (text.startswith("type "), "unknown_type", text),
    )
    return next((Problem(name, detail) for holds, name, detail in known if holds), Problem("wrong_type", text))
