"""Alerts that a topic holds, in the order in which they were decided."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

from stream.kafka.logs import Logs
from tidegauge import Alert
from tidegauge.codec import decode_alert
from tidegauge.errors import DecodeError
from tidegauge.subscribe.selection import Inbox, Selection

_LOG = logging.getLogger(__name__)


def read_alerts(kafka: Mapping[str, str], topic: str, partitions: int) -> list[Alert]:
    """Read a topic of alerts to its present end, without a group. Memory: all alerts that it holds."""
    found = []
    with closing(Logs(kafka)) as logs:
        for entry in logs.read(topic, partitions):
            if entry.value is None:
                continue
            try:
                found.append(decode_alert(entry.value))
            except DecodeError as error:
                _LOG.warning("a message of %s is no alert: %s", topic, error)
    return found


def in_order(alerts: Iterable[Alert], selection: Selection) -> Iterator[Alert]:
    """Yield each transition that is wanted once, oldest first; those of one alert by their number in any case."""
    known = sorted({(alert.alert_id, alert.seq): alert for alert in alerts}.items())
    decided: dict[str, int] = {}
    placed: list[tuple[int, str, int, Alert]] = []
    for (alert_id, seq), alert in known:
        decided[alert_id] = max(alert.decided_at_ms, decided.get(alert_id, 0))
        placed.append((decided[alert_id], alert_id, seq, alert))
    inbox = Inbox(selection, len(placed))
    return (alert for *_, alert in sorted(placed, key=lambda place: place[:3]) if inbox.admits(alert))
