"""The state that a partition of `profiles` begins from: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from stream.history.records import Kept
from stream.monitor.alert_book import PREFIX as ALERT_PREFIX
from stream.monitor.alert_book import AlertMemory
from stream.monitor.memory import Firing
from stream.monitor.panes import PREFIX as PANE_PREFIX
from stream.monitor.streams import field_name
from stream.monitor.told import ReportKey, RequestKey, report_key, told_fields
from stream.monitor.watch import EVERY_MODEL, SPEAKER, alert_key, partition_name
from tidegauge.alerts import Alert, Window
from tidegauge.partitioner import partition_for
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

_WATCH: Final = "watch"

Message = Alert | RetrainingRequest | Report


@dataclass(frozen=True)
class Heard:
    """What subscribers were told.

    Attributes
    ----------
    alerts
        By alert id, its newest transition.
    requests
        By model and request id, the alert that it is of.
    reports
        By series, the end of the last window.
    """

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    requests: Mapping[RequestKey, str] = field(default_factory=dict)
    reports: Mapping[ReportKey, int] = field(default_factory=dict)

    @property
    def models(self) -> set[str]:
        """Models that alerts or reports speak of."""
        return {alert.model for alert in self.alerts.values()} - {EVERY_MODEL} | {key[0] for key in self.reports}

    @property
    def firing(self) -> int:
        """How many alerts fire, as far as anybody was told."""
        return sum(alert.status == "firing" for alert in self.alerts.values())


def hear(messages: Iterable[Message]) -> Heard:
    """Return what a sequence of messages amounts to, in whatever order and however often they came."""
    alerts: dict[str, Alert] = {}
    requests: dict[RequestKey, str] = {}
    reports: dict[ReportKey, int] = {}
    for message in messages:
        match message:
            case Alert():
                before = alerts.get(message.alert_id)
                if before is None or before.seq < message.seq:
                    alerts[message.alert_id] = message
            case RetrainingRequest():
                requests[message.model, message.request_id] = message.alert_id
            case Report():
                key = report_key(message)
                reports[key] = max(message.window.end_ms, reports.get(key, message.window.end_ms))
    return Heard(alerts, requests, reports)


def monitor_fields(number: int, partitions: int, kept: Kept, heard: Heard, from_ms: int) -> dict[bytes, bytes]:
    """Return the fields of partition `number` of `partitions`, from which a replay since `from_ms` goes on.

    Panes that begin later come from the log again; those before it are as `history` keeps them.
    """

    def mine(model: str) -> bool:
        return partition_for(model.encode(), partitions) == number

    fields: dict[bytes, bytes] = {}
    for snapshot in kept.snapshots.values():
        if mine(snapshot.model):
            fields.update(snapshot.fields)
    for key, body in kept.panes.items():
        if mine(key.model) and key.pane_start_ms < from_ms:
            fields[field_name(PANE_PREFIX, *key)] = body
    alerts = {i: alert for i, alert in heard.alerts.items() if alert.model != EVERY_MODEL and mine(alert.model)}
    requests = {key: alert_id for key, alert_id in heard.requests.items() if mine(key[0])}
    reports = {key: end_ms for key, end_ms in heard.reports.items() if mine(key[0])}
    return {**fields, **told_fields(from_ms, alerts, requests, reports), **_of_every_model(number, heard)}


def _of_every_model(number: int, heard: Heard) -> dict[bytes, bytes]:
    """Return the alerts that concern every model and still fire: the clock decides them, so no log tells them again.

    Their partition takes them up as they were told, and ends them when what they are about is over.
    """
    versions = {partition_name(number), *([""] if number == SPEAKER else [])}
    firing = (alert for alert in heard.alerts.values() if alert.model == EVERY_MODEL and alert.status == "firing")
    newest: dict[str, Alert] = {}
    for alert in sorted(firing, key=lambda alert: alert.decided_at_ms):
        if alert.version in versions:
            newest[alert.version] = alert
    return {
        field_name(ALERT_PREFIX, *alert_key(version)): msgspec.msgpack.encode(_episode(alert))
        for version, alert in newest.items()
    }


def _episode(alert: Alert) -> AlertMemory:
    firing = [
        Firing(
            finding=finding,
            severity=alert.severity,
            window=Window(length="", start_ms=finding.since_ms or 0, end_ms=finding.since_ms or 0),
            n=0,
        )
        for finding in alert.findings
    ]
    return AlertMemory(
        scopes={_WATCH: firing},
        alert_id=alert.alert_id,
        seq=alert.seq,
        severity=alert.severity,
        worst=alert.worst or alert.severity,
        started_ms=alert.started_ms,
        subjects=sorted(finding.subject for finding in alert.findings),
    )
