"""Instants as people write and read them."""

from datetime import UTC, datetime, timedelta

from stream.errors import ConfigurationError
from tidegauge.events import MAX_TIMESTAMP_MS, MIN_TIMESTAMP_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 20261125 is a day in ISO 8601; as milliseconds it would be in January 1970.
_DAY_DIGITS = 8


def parse_instant(text: str) -> int:
    """Return an instant in ms since the epoch, from ISO 8601 (without a zone: UTC) or from a number of ms.

    Raises ConfigurationError for other text, and for a number that is seconds, microseconds or nanoseconds.
    """
    if text.isascii() and text.isdigit() and len(text) != _DAY_DIGITS:
        return _milliseconds(int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"--from {text!r} is no time: expected ISO 8601, such as 2026-11-25T06:00:00Z, or milliseconds since 1970"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _milliseconds(number: int) -> int:
    if MIN_TIMESTAMP_MS <= number <= MAX_TIMESTAMP_MS:
        return number
    found = "seconds" if number < MIN_TIMESTAMP_MS else "microseconds or nanoseconds"
    raise ConfigurationError(f"--from {number}: expected milliseconds since 1970, found {found} (or write ISO 8601)")


def show(time_ms: int) -> str:
    """Return an instant as ISO 8601 in UTC, to the millisecond where it has any."""
    precise = "milliseconds" if time_ms % 1000 else "seconds"
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec=precise).replace("+00:00", "Z")
