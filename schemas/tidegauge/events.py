"""What services publish: predictions, labels, feedback, watermarks.

JSON objects on the wire, one per message; the Kafka key is the prediction id. Unknown fields are ignored and every
new field has a default, so old and new writers and readers mix freely.
"""

from typing import Annotated

import msgspec

FeatureValue = float | str | bool | list[float | None] | None
PredictionValue = float | str | bool | list[float] | None
LabelValue = float | str | bool
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
MIN_TIMESTAMP_MS = 10_000_000_000
"""26 April 1970; a smaller time is seconds by mistake, until the year 2286."""
MAX_TIMESTAMP_MS = 253_402_300_799_999
"""The last millisecond of the year 9999; a greater time is microseconds by mistake."""
MAX_FEATURES = 512
Packed = Annotated[bytes, msgspec.Meta(description="Base64, little-endian, one entry a row.")]


class Prediction(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """One prediction of one model, published when it was served.

    A number as `prediction` of a binary task is P(positive); of a regression, the predicted value. A string is a class.
    `status` is "ok" or "error"; an `error` text implies "error". `signals` are numbers for other readers of the topic:
    no monitor watches them.
    """

    prediction_id: Name
    model: Name
    timestamp_ms: int
    version: str = ""
    features: dict[str, FeatureValue] = {}
    prediction: PredictionValue = None
    probabilities: dict[str, float] | list[float] | None = None
    latency_ms: float | None = None
    status: str = "ok"
    error: str | None = None
    segments: dict[str, str] = {}
    signals: dict[str, float] = {}


class Float64Column(msgspec.Struct, kw_only=True, gc=False, tag_field="dtype", tag="f8"):
    """A column of numbers as packed float64; NaN, and the infinities that JSON has not, stand for `null`."""

    bdata: Packed


class Float32Column(msgspec.Struct, kw_only=True, gc=False, tag_field="dtype", tag="f4"):
    """The same as float32, for numbers that are no more precise."""

    bdata: Packed


class Int64Column(msgspec.Struct, kw_only=True, gc=False, tag_field="dtype", tag="i8"):
    """A column of times as packed int64."""

    bdata: Packed


class CategoryColumn(msgspec.Struct, kw_only=True, gc=False, tag_field="dtype", tag="u1"):
    """A column of text as packed indices into `categories` (at most 255, distinct), one byte each; 255 is `null`."""

    bdata: Packed
    categories: Annotated[list[str], msgspec.Meta(max_length=255)]


NumberColumn = list[float | None] | Float64Column | Float32Column
TextColumn = list[str | None] | CategoryColumn
FeatureColumn = list[FeatureValue] | Float64Column | Float32Column | CategoryColumn
PredictionColumn = list[PredictionValue] | Float64Column | Float32Column | CategoryColumn
TimeColumn = list[int] | Int64Column


class PredictionBatch(msgspec.Struct, kw_only=True, gc=False, tag_field="type", tag="batch", omit_defaults=True):
    """The same, columnar: many rows of one model and version whose ids all hash to one partition.

    Every column has as many entries as `prediction_ids`; a column that is absent is missing for every row. A column is
    a list of plain values, or packed: `dtype` and base64 `bdata`, as Plotly's typed arrays. Both say the same; packed
    ones are read many times faster.
    """

    prediction_ids: list[str]
    model: Name
    timestamps_ms: TimeColumn
    version: str = ""
    features: dict[str, FeatureColumn] = {}
    predictions: PredictionColumn = []
    probabilities: list[dict[str, float] | list[float] | None] = []
    latencies_ms: NumberColumn = []
    errors: TextColumn = []
    segments: dict[str, TextColumn] = {}
    signals: dict[str, NumberColumn] = {}


class Label(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """The outcome of a prediction. A later label (by timestamp) of the same prediction corrects it.

    Without `model` it applies to every model that predicted the id; Recorder always names the model.
    """

    prediction_id: Name
    label: LabelValue
    timestamp_ms: int
    model: str = ""


class Feedback(msgspec.Struct, kw_only=True, gc=False, tag_field="type", tag="feedback", omit_defaults=True):
    """Numbers learnt after a prediction was served: thumbs, conversion, value. Travels on the labels topic.

    For other readers of the topic: workers count it and leave it out, no monitor watches it.
    """

    prediction_id: Name
    timestamp_ms: int
    model: str = ""
    signals: dict[str, float] = {}


class Watermark(msgspec.Struct, kw_only=True, gc=False, tag_field="type", tag="watermark"):
    """Control record: no event older than `timestamp_ms` follows on this partition of this topic."""

    timestamp_ms: int
