"""From bytes to typed events, one pass; what cannot be read becomes a dead letter with a reason, never an exception."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import msgspec

from stream.profiler.config import Limits
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.unbatch import unbatch
from stream.profiler.validate import NUL_ESCAPE, Problem, label_problem, prediction_problem, watermark_problem
from tidegauge.codec import decode_label_message, decode_prediction_message
from tidegauge.errors import DecodeError
from tidegauge.events import Label, Prediction, PredictionBatch, Watermark

PREDICTIONS = "predictions"
LABELS = "labels"

_PREDICTION: Final = msgspec.json.Decoder(Prediction)
_LABEL: Final = msgspec.json.Decoder(Label)

# What sends a batch down the slow path: another type of message, or an escaped NUL.
_UNUSUAL: Final = (b'"type"', NUL_ESCAPE)

# The last one is a message nested a thousand levels deep: it must not end the worker, and the next, and the next.
_UNREADABLE: Final = (DecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Event = TypeVar("Event")
Check = Callable[[Event, Limits, bytes], Problem | None]


@dataclass(slots=True)
class Decoded(Generic[Event]):
    """Readable rows of a batch, each with the index of its message; watermarks likewise; and the dead letters."""

    rows: list[Event] = field(default_factory=list)
    message_of_row: list[int] = field(default_factory=list)
    watermarks: list[tuple[int, int]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    feedback: int = 0


class _Work(Generic[Event]):
    """One batch on its way from bytes to rows.

    Parameters
    ----------
    plain
        Decodes a message that has no `type`: nearly all of them, so this path is short.
    problem_of
        What makes a row unusable.
    special
        Takes the others: (this, index of the message, its bytes); may raise DecodeError.
    """

    def __init__(self, role: str, batch: RawBatch, limits: Limits) -> None:
        self.role, self.batch, self.limits = role, batch, limits
        self.out: Decoded[Event] = Decoded()

    def read(
        self,
        plain: Callable[[bytes], Event],
        problem_of: Check[Event],
        special: Callable[["_Work[Event]", int, bytes], None],
    ) -> Decoded[Event]:
        """Decode every message: all at once when all are plain and well formed, else one by one."""
        values = self.batch.values
        full = [raw for raw in values if raw]
        together = b"".join(full)
        if len(full) == len(values) and not any(mark in together for mark in _UNUSUAL):
            try:
                rows = list(map(plain, full))
            except _UNREADABLE:
                pass  # one of them: go on one by one
            else:
                return self._checked(rows, problem_of)
        for index, raw in enumerate(values):
            self._read_one(index, raw, plain, problem_of, special)
        return self.out

    def _checked(self, rows: list[Event], problem_of: Check[Event]) -> Decoded[Event]:
        """Take the rows of plain messages, one a message."""
        problems = [problem_of(row, self.limits, b"") for row in rows]
        if not any(problems):
            self.out.rows, self.out.message_of_row = rows, list(range(len(rows)))
            return self.out
        for index, (row, problem) in enumerate(zip(rows, problems, strict=True)):
            self.add(index, row, problem)
        return self.out

    def _read_one(
        self,
        index: int,
        raw: bytes | None,
        plain: Callable[[bytes], Event],
        problem_of: Check[Event],
        special: Callable[["_Work[Event]", int, bytes], None],
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
        """Take a row of a special message, or bury it; `number` is its place in a batch message."""
        if problem is None:
            self.out.rows.append(row)
            self.out.message_of_row.append(index)
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


def decode_predictions(batch: RawBatch, limits: Limits) -> Decoded[Prediction]:
    """Decode rows of the `predictions` topic; the rows of a batch message are laid out one by one.

    Never raises; O(bytes). Memory is that of the decoded rows.
    """
    work: _Work[Prediction] = _Work(PREDICTIONS, batch, limits)
    return work.read(_PREDICTION.decode, prediction_problem, _special_prediction)


def decode_labels(batch: RawBatch, limits: Limits) -> Decoded[Label]:
    """Decode rows of the `labels` topic; feedback is checked and counted."""
    work: _Work[Label] = _Work(LABELS, batch, limits)
    return work.read(_LABEL.decode, label_problem, _special_label)


def _special_prediction(work: _Work[Prediction], index: int, raw: bytes) -> None:
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


def _special_label(work: _Work[Label], index: int, raw: bytes) -> None:
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
