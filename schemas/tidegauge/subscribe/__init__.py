"""Subscribing to alerts."""

from tidegauge.subscribe.stream import AlertStream

__all__ = ["AlertStream"]
