"""Logs: one line each, as text or JSON; never an event's content, and never the same line a hundred times a second."""

import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import orjson

from stream.errors import ConfigurationError

REPEAT_SECONDS: Final = 10.0
LINES_KNOWN: Final = 256

# Kafka's clients say each failed attempt, with counters and times in it: a hundred lines a second while it is away.
_CLIENTS: Final = ("aiokafka", "stream.kafka.clients", "faust", "mode")
_NUMBER: Final = re.compile(r"\d+")


def configure_logs(style: str) -> None:
    """Send warnings and ours to stderr; ConfigurationError when `style` is neither "text" nor "json"."""
    if style not in {"text", "json"}:
        raise ConfigurationError(f"log: {style!r} is neither text nor json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    handler.addFilter(Rarely())
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("stream", "tidegauge"):
        logging.getLogger(name).setLevel(logging.INFO)
    # What librdkafka tells of itself is news only when something is wrong.
    logging.getLogger("stream.kafka.clients").setLevel(logging.WARNING)


class Rarely(logging.Filter):
    """Lets a line through once in 10 s, and then says how often it was held back; messages of clients by their text.

    Parameters
    ----------
    clock : callable
        Seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._shown: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record may pass; O(1)."""
        text = record.getMessage()
        of_client = record.name.startswith(_CLIENTS)
        key = (record.name, _NUMBER.sub("#", text) if of_client else text)
        now = self._clock()
        shown, held = self._shown.get(key, (-REPEAT_SECONDS, 0))
        if now - shown < REPEAT_SECONDS:
            self._shown[key] = (shown, held + 1)
            return False
        if len(self._shown) >= LINES_KNOWN:
            self._shown.clear()
        self._shown[key] = (now, 0)
        if held:
            record.msg, record.args = f"{text} ({held} more like it)", None
        return True


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}"
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return (text + (" | " + trace if trace else "")).replace("\n", "\\n")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()
