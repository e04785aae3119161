"""Which rows cannot be counted at all, and the sentence that says why; everything less is a missing value, counted."""

from typing import NamedTuple

from stream.profiler.config import Limits
from stream.profiler.fields import Int64, LabelFields, PredictionFields
from tidegauge.events import MAX_TIMESTAMP_MS, MIN_TIMESTAMP_MS, Label, Prediction, Watermark

NUL_ESCAPE = b"\\u0000"


class Problem(NamedTuple):
    """Why a row or message is refused: `reason` names the metric, `detail` is for the person who sent it."""

    reason: str
    detail: str


def prediction_problem(row: Prediction, limits: Limits, raw: bytes) -> Problem | None:
    """Return what makes a prediction unusable, or None. O(1) for a good row; `raw` is the message it came in."""
    length = limits.text_length
    if (
        MIN_TIMESTAMP_MS <= row.timestamp_ms <= MAX_TIMESTAMP_MS
        and len(row.features) <= limits.features
        and 0 < len(row.prediction_id) <= length
        and len(row.version) <= length
        and NUL_ESCAPE not in raw
    ):
        return None
    if not MIN_TIMESTAMP_MS <= row.timestamp_ms <= MAX_TIMESTAMP_MS:
        return _timestamp_problem(row.timestamp_ms)
    if len(row.features) > limits.features:
        return Problem("too_many_features", f"{len(row.features)} features, at most {limits.features} are kept")
    for name, text in (("prediction_id", row.prediction_id), ("version", row.version)):
        if len(text) > length or (not text and name == "prediction_id"):
            return _length_problem(name, text, limits)
    return _nul_problem({"prediction_id": row.prediction_id, "model": row.model, "version": row.version})


def predictions_are_fine(fields: PredictionFields, limits: Limits) -> bool:
    """Whether no row of a batch has a problem: what `prediction_problem` says of each, column by column."""
    length, versions = limits.text_length, set(fields.versions)
    return (
        _times_are_fine(fields.timestamps_ms)
        and (bool(fields.typed) or max(map(len, fields.features), default=0) <= limits.features)
        and max(map(len, fields.ids), default=0) <= length
        and max(map(len, versions), default=0) <= length
        and not _any_nul((*fields.ids, *set(fields.models), *versions))
    )


def labels_are_fine(fields: LabelFields, limits: Limits) -> bool:
    """Whether no label of a batch has a problem: what `label_problem` says of each, column by column."""
    length, models = limits.text_length, set(fields.models)
    texts = {label for label in fields.labels if isinstance(label, str)} if str in set(map(type, fields.labels)) else ()
    return (
        _times_are_fine(fields.timestamps_ms)
        and max(map(len, texts), default=0) <= length
        and max(map(len, models), default=0) <= length
        and not _any_nul((*fields.ids, *models))
    )


def _times_are_fine(timestamps_ms: Int64) -> bool:
    return not timestamps_ms.size or (
        int(timestamps_ms.min()) >= MIN_TIMESTAMP_MS and int(timestamps_ms.max()) <= MAX_TIMESTAMP_MS
    )


def _any_nul(texts: tuple[str, ...]) -> bool:
    return "\x00" in "".join(texts)


def label_problem(row: Label, limits: Limits, raw: bytes) -> Problem | None:
    """Return what makes a label unusable, or None."""
    if not MIN_TIMESTAMP_MS <= row.timestamp_ms <= MAX_TIMESTAMP_MS:
        return _timestamp_problem(row.timestamp_ms)
    if isinstance(row.label, str) and len(row.label) > limits.text_length:
        return _length_problem("label", row.label, limits)
    if len(row.model) > limits.text_length:
        return _length_problem("model", row.model, limits)
    if NUL_ESCAPE in raw:
        return _nul_problem({"prediction_id": row.prediction_id, "model": row.model})
    return None


def watermark_problem(watermark: Watermark) -> Problem | None:
    """Return what makes a watermark unusable, or None."""
    inside = 0 <= watermark.timestamp_ms <= MAX_TIMESTAMP_MS
    return None if inside else _timestamp_problem(watermark.timestamp_ms)


def _timestamp_problem(timestamp_ms: int) -> Problem:
    # Python refuses to print an integer of thousands of digits.
    given = str(timestamp_ms) if abs(timestamp_ms) < 1 << 64 else "beyond 64 bits"
    return Problem(
        "timestamp_out_of_range",
        f"timestamp_ms is {given}; it must be milliseconds since 1970-01-01 UTC (seconds, or microseconds?)",
    )


def _length_problem(name: str, text: str, limits: Limits) -> Problem:
    return Problem("text_length", f"{name} has {len(text)} characters; it must have 1 to {limits.text_length}")


def _nul_problem(names: dict[str, str]) -> Problem | None:
    """NUL separates model and id in the join's hash, so neither may hold one; in features it is harmless."""
    for name, text in names.items():
        if "\x00" in text:
            return Problem("nul_character", f"{name} holds a NUL character")
    return None
