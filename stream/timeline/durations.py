"""Durations, rates and ratios as people write them: "10s", "1/90d", "1%"."""

import re
from decimal import Decimal

MS_PER_UNIT = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DAY_MS = MS_PER_UNIT["d"]

# A thousand years. What is added to an instant must fit 64 bits: a definition is kept for ever, and one with a duration
# that does not would end every worker that reads it.
_LONGEST_DAYS = 365_000

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
# Weeks are left out on purpose: a window is called "7d" in reports, as in its definition.
_FORMAT_UNITS = ("d", "h", "m", "s", "ms")


def parse_duration(text: str) -> int:
    """Return a duration in milliseconds.

    Parameters
    ----------
    text
        A non-negative number and one of the units ms, s, m, h, d, w: "10s", "1.5h", "7d". A day is 24 hours here;
        windows of whole days follow the calendar instead (see `stream.timeline.windows`).

    Raises
    ------
    ValueError
        If the text has another form, is not a whole number of milliseconds, or more than a thousand years.
    """
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f"{text!r} is not a duration: expected a number and one of ms, s, m, h, d, w, such as 10s or 2d"
        )
    number, unit = match.groups()
    milliseconds = Decimal(number) * MS_PER_UNIT[unit]  # in floats 1.1h is no whole number
    if milliseconds > _LONGEST_DAYS * DAY_MS:
        raise ValueError(f"{text!r} is too long a duration: at most {_LONGEST_DAYS}d")
    if milliseconds != int(milliseconds):
        raise ValueError(f"{text!r} is not a whole number of milliseconds")
    return int(milliseconds)


def format_duration(duration_ms: int) -> str:
    """Return the shortest exact text of a duration of at least 0 ms: 7_200_000 is "2h", 90_000 is "90s"."""
    for unit in _FORMAT_UNITS:
        if duration_ms and duration_ms % MS_PER_UNIT[unit] == 0:
            return f"{duration_ms // MS_PER_UNIT[unit]}{unit}"
    return f"{duration_ms}s" if duration_ms == 0 else f"{duration_ms}ms"


def parse_rate(text: str) -> float:
    """Return episodes per day of a rate such as "1/90d" (one episode in 90 days).

    Raises
    ------
    ValueError
        If the text is not NUMBER/DURATION, or the duration is zero.
    """
    episodes, slash, duration = text.partition("/") if isinstance(text, str) else ("", "", "")
    try:
        if not slash:
            raise ValueError  # noqa: TRY301 -- one message for every malformed rate, built below
        rate = float(episodes) * DAY_MS / parse_duration(duration)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is not a rate: expected episodes/duration, such as 1/90d") from None
    if not 0 < rate < float("inf"):
        raise ValueError(f"{text!r} is not a rate above zero")
    return rate


def parse_ratio(value: str | float) -> float:
    """Return a share in [0, 1] of "1%", "0.01" or 0.01.

    Raises
    ------
    ValueError
        If the value is no number, or lies outside [0, 1].
    """
    text = str(value).strip()
    try:
        ratio = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(
            f"{value!r} is not a share: expected a percentage or a number from 0 to 1, such as 1% or 0.01"
        ) from None
    if not 0 <= ratio <= 1:
        raise ValueError(f"{value!r} is not a share between 0 and 1")
    return ratio
