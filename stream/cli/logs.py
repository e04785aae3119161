"""Logs: one line each, as text or JSON; never an event's content."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from stream.errors import ConfigurationError


def configure_logs(style: str) -> None:
    """Send warnings and ours to stderr; ConfigurationError when `style` is neither "text" nor "json"."""
    if style not in {"text", "json"}:
        raise ConfigurationError(f"log: {style!r} is neither text nor json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("stream", "tidegauge"):
        logging.getLogger(name).setLevel(logging.INFO)


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
