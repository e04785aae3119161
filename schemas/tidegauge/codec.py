"""Messages to bytes and back: JSON for what people and services read, MessagePack for profiles.

Writing uses orjson, because services hold NumPy scalars; reading uses msgspec, which decodes into the typed struct in
one pass. JSON has no NaN and no infinities: a value that is not finite is written as `null` where the schema allows it
(features, columns of a batch), and left out where it does not (signals, effects, numbers that have a default).
"""

import math
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
import orjson

from tidegauge.alerts import Alert
from tidegauge.columns import unpacked
from tidegauge.definition import Definition
from tidegauge.errors import DecodeError, EventError
from tidegauge.events import Feedback, Label, Prediction, PredictionBatch, Watermark
from tidegauge.profiles import ProfileBundle, WatermarkReport
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

PredictionMessage = Prediction | PredictionBatch | Watermark
LabelMessage = Label | Feedback | Watermark
ProfileMessage = ProfileBundle | WatermarkReport
Message = PredictionMessage | LabelMessage | Alert | Report | RetrainingRequest | Definition

T = TypeVar("T")


class _Kind(msgspec.Struct, gc=False):
    """Just the member that says which message this is."""

    type: str | None = None


_KIND: Final = msgspec.json.Decoder(_Kind)
_PREDICTION: Final = msgspec.json.Decoder(Prediction)
_BATCH: Final = msgspec.json.Decoder(PredictionBatch)
_LABEL: Final = msgspec.json.Decoder(Label)
_FEEDBACK: Final = msgspec.json.Decoder(Feedback)
_WATERMARK: Final = msgspec.json.Decoder(Watermark)
_ALERT: Final = msgspec.json.Decoder(Alert)
_REPORT: Final = msgspec.json.Decoder(Report)
_RETRAINING: Final = msgspec.json.Decoder(RetrainingRequest)
_DEFINITION: Final = msgspec.json.Decoder(Definition)
_PROFILES: Final[msgspec.msgpack.Decoder[ProfileMessage]] = msgspec.msgpack.Decoder(ProfileMessage)
_PACK: Final = msgspec.msgpack.Encoder()


def encode(message: Message) -> bytes:
    """JSON of a message; defaults are left out, NumPy scalars and arrays are welcome, NaN becomes `null`.

    Raises
    ------
    EventError
        When a value cannot be written as JSON; `field` is the member it stands in.
    """
    try:
        return orjson.dumps(message, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:  # orjson.JSONEncodeError is one
        raise _culprit(message, error) from error


def encode_profiles(message: ProfileMessage) -> bytes:
    """MessagePack of a profiles message."""
    return _PACK.encode(message)


def decode_prediction_message(raw: bytes) -> PredictionMessage:
    """One message of the `predictions` topic; `type` says which, and is absent for a plain prediction.

    A batch's columns are lists, in whichever form they came.

    Raises
    ------
    DecodeError
        As do all functions here that decode.
    """
    match message_type(raw):
        case None | "prediction":
            return _decode(_PREDICTION, raw)
        case "batch":
            return unpacked(decode_batch(raw))
        case "watermark":
            return _decode(_WATERMARK, raw)
        case other:
            raise DecodeError(f"type {other!r} is none of batch, watermark (absent for a prediction)")


def decode_batch(raw: bytes) -> PredictionBatch:
    """Read a batch with its columns in the form they came in, packed ones unread; see `tidegauge.columns`."""
    return _decode(_BATCH, raw)


def decode_label_message(raw: bytes) -> LabelMessage:
    """One message of the `labels` topic; `type` says which, and is absent for a plain label."""
    match message_type(raw):
        case None | "label":
            return _decode(_LABEL, raw)
        case "feedback":
            return _decode(_FEEDBACK, raw)
        case "watermark":
            return _decode(_WATERMARK, raw)
        case other:
            raise DecodeError(f"type {other!r} is none of feedback, watermark (absent for a label)")


def message_type(raw: bytes) -> str | None:
    """Find the member `type` of a JSON object, without decoding the rest; a plain message costs a substring search."""
    return _decode(_KIND, raw).type if b'"type"' in raw else None


def decode_alert(raw: bytes) -> Alert:
    """One message of the `alerts` topic."""
    return _decode(_ALERT, raw)


def decode_report(raw: bytes) -> Report:
    """One message of the `reports` topic."""
    return _decode(_REPORT, raw)


def decode_retraining_request(raw: bytes) -> RetrainingRequest:
    """One message of the `retraining` topic."""
    return _decode(_RETRAINING, raw)


def decode_definition(raw: bytes) -> Definition:
    """Decode a definition; unknown keys are errors here, because they are typing mistakes."""
    return _decode(_DEFINITION, raw)


def decode_profiles(raw: bytes) -> ProfileMessage:
    """One message of the `profiles` topic."""
    try:
        return _PROFILES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(str(error)) from error


DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "predictions": decode_prediction_message,
    "labels": decode_label_message,
    "profiles": decode_profiles,
    "alerts": decode_alert,
    "reports": decode_report,
    "retraining": decode_retraining_request,
}


def decode(role: str, raw: bytes) -> Any:
    """One message of the topic that has `role` ("predictions", "alerts", ...), whatever its prefix is.

    Raises
    ------
    KeyError
        When there is no such role.
    """
    return DECODERS[role](raw)


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


@cache
def _members(kind: type[msgspec.Struct]) -> tuple[tuple[str, str, Any, bool], ...]:
    """(attribute, name on the wire, default, whether it is a mapping to numbers) of each field."""
    members = []
    for field in msgspec.structs.fields(kind):
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        members.append((field.name, field.encode_name, default, field.type == dict[str, float]))
    return tuple(members)


def _plain(value: Any) -> Any:
    """Turn what orjson cannot write itself into what it can: our structs, and whatever knows how to become plain."""
    if isinstance(value, msgspec.Struct):
        return _object(value)
    for method in ("tolist", "item"):  # zero-dimensional arrays and foreign scalars, arrays that are not contiguous
        if callable(convert := getattr(value, method, None)):
            return convert()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _object(struct: msgspec.Struct) -> dict[str, Any]:
    config = struct.__struct_config__
    plain: dict[str, Any] = {} if config.tag is None else {str(config.tag_field): config.tag}
    keep_defaults = not config.omit_defaults
    for attribute, name, default, numbers in _members(type(struct)):
        value = getattr(struct, attribute)
        if type(value) is bytes:  # of a packed column
            value = b64encode(value).decode("ascii")
        if numbers:
            value = {key: number for key, number in value.items() if not _not_finite(number)}
        if keep_defaults or not _is_default(value, default):
            plain[name] = value
    return plain


def _is_default(value: Any, default: Any) -> bool:
    if _not_finite(value):
        return default is not msgspec.NODEFAULT  # left out, so that the reader sees the default
    return value is default or (type(value) is type(default) and bool(value == default))


def _not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _culprit(message: Message, error: Exception) -> EventError:
    """Name the member that cannot be written: each is tried alone, which costs nothing until something is wrong."""
    for attribute, name, _, _ in _members(type(message)):
        value = getattr(message, attribute)
        members = value.items() if isinstance(value, dict) else [(None, value)]
        for key, member in members:
            try:
                orjson.dumps({key or name: member}, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
            except TypeError as reason:
                return EventError(name if key is None else f"{name}.{key!s}", str(reason))
    return EventError(type(message).__name__, str(error))
