"""Instants as people write and read them."""

from datetime import UTC, datetime

from stream.errors import ConfigurationError


def parse_instant(text: str) -> int:
    """Return an instant in ms since the epoch, from ISO 8601 (without a zone: UTC) or from a number of ms.

    Raises ConfigurationError for other text.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"--from {text!r} is no time: expected ISO 8601, such as 2026-11-25T06:00:00Z, or milliseconds since 1970"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def show(time_ms: int) -> str:
    """Return an instant as ISO 8601 in UTC, to the millisecond where it has any."""
    precise = "milliseconds" if time_ms % 1000 else "seconds"
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec=precise).replace("+00:00", "Z")
