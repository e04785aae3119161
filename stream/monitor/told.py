"""What the topics held when a lost state was rebuilt: none of it is told again, and what never came back is ended.

Decisions are functions of the logs, so a state that was rebuilt decides again what the lost one had decided since the
snapshot it began from, under the same alert ids and seqs. What was told of that already is left out here.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from stream.monitor.alert_book import AlertBook, AlertKey
from stream.monitor.fields import Fields
from stream.monitor.streams import field_name
from tidegauge.alerts import Alert
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

PREFIX: Final = "told"
_FROM, _ALERT, _REQUEST, _REPORT = "from", "alert", "request", "report"
ENDED: Final = "not found again when the state was rebuilt"

ReportKey = tuple[str, str, str, str, str, int]
"""Model, version, segment, part, window length, label age: their reports are told in the order of windows."""


def report_key(report: Report) -> ReportKey:
    """Return the series that a report belongs to."""
    return (report.model, report.version, report.segment, report.part, report.window.length, report.age_ms)


class Told:
    """Newest transition of each alert, requests to retrain, last window of each series of reports, as they were told.

    Empty but for a state that was rebuilt. An entry leaves as soon as everything up to its instant was decided again.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._from_ms = -(1 << 62)
        self._alerts: dict[str, Alert] = {}
        self._requests: dict[str, str] = {}
        self._reports: dict[ReportKey, int] = {}

    @property
    def empty(self) -> bool:
        """Whether everything that was told has been decided again."""
        return not (self._alerts or self._requests or self._reports)

    def lacks(self, pane_start_ms: int) -> bool:
        """Whether a pane began before the replay: the log holds only some of its rows."""
        return pane_start_ms < self._from_ms

    def has(self, output: object) -> bool:
        """Whether an output was told before the state was lost."""
        match output:
            case Alert():
                told = self._alerts.get(output.alert_id)
                return told is not None and told.seq >= output.seq
            case RetrainingRequest():
                return output.request_id in self._requests
            case Report():
                return output.window.end_ms <= self._reports.get(report_key(output), -(1 << 62))
        return False

    def settle(self, model: str, reached_ms: int, book: AlertBook) -> Iterator[Alert]:
        """Forget what was told of a model up to an instant, and yield the end of what fired then and does not now.

        Everything up to `reached_ms` must have been decided.
        """
        passed = [told for told in self._alerts.values() if told.model == model and told.decided_at_ms <= reached_ms]
        for told in sorted(passed, key=lambda alert: (alert.decided_at_ms, alert.alert_id)):
            self._forget(_ALERT, told.alert_id)
            del self._alerts[told.alert_id]
            key = AlertKey(told.model, told.version, told.segment, told.kind)
            if not book.lasts(key, told.alert_id, told.seq) and told.status == "firing":
                yield _ended(told)
        self._settle_others(model, reached_ms)

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored entry back."""
        kind, *rest = key
        if kind == _FROM:
            self._from_ms = msgspec.msgpack.decode(data, type=int)
        elif kind == _ALERT:
            alert = msgspec.msgpack.decode(data, type=Alert)
            self._alerts[alert.alert_id] = alert
        elif kind == _REQUEST:
            self._requests[str(rest[0])] = msgspec.msgpack.decode(data, type=str)
        else:
            self._reports[msgspec.convert(rest, ReportKey)] = msgspec.msgpack.decode(data, type=int)

    def _settle_others(self, model: str, reached_ms: int) -> None:
        alerts = {alert.alert_id for alert in self._alerts.values()}
        for request_id, alert_id in list(self._requests.items()):
            if alert_id not in alerts:
                self._forget(_REQUEST, request_id)
                del self._requests[request_id]
        for key, end_ms in list(self._reports.items()):
            if key[0] == model and end_ms + key[-1] <= reached_ms:
                self._forget(_REPORT, *key)
                del self._reports[key]

    def _forget(self, *key: object) -> None:
        self._fields.delete(field_name(PREFIX, *key))


def told_fields(
    from_ms: int, alerts: Mapping[str, Alert], requests: Mapping[str, str], reports: Mapping[ReportKey, int]
) -> dict[bytes, bytes]:
    """Return the fields of a state that is rebuilt from `from_ms` on.

    Parameters
    ----------
    from_ms
        Panes that begin earlier are not taken from the log.
    alerts
        By alert id, its newest transition.
    requests
        By request id, the alert that it is of.
    reports
        By series, the end of the last window.
    """
    pack = msgspec.msgpack.encode
    return {
        field_name(PREFIX, _FROM): pack(from_ms),
        **{field_name(PREFIX, _ALERT, alert_id): pack(alert) for alert_id, alert in alerts.items()},
        **{field_name(PREFIX, _REQUEST, request_id): pack(of) for request_id, of in requests.items()},
        **{field_name(PREFIX, _REPORT, *key): pack(end_ms) for key, end_ms in reports.items()},
    }


def _ended(told: Alert) -> Alert:
    where = " ".join(filter(None, (told.model, told.version, told.segment)))
    return msgspec.structs.replace(
        told, seq=told.seq + 1, status="resolved", reason=ENDED, summary=f"{where}   {told.kind}: {ENDED}", findings=[]
    )
