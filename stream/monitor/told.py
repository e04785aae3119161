"""What the topics held when a lost state was rebuilt: none of it is told again, and what never came back is ended.

Decisions are functions of the logs, so a state that was rebuilt decides again what the lost one had decided since the
snapshot it began from, under the same alert ids and seqs. What was told of that already is left out here.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
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

RequestKey = tuple[str, str]
"""Model, request id."""


def report_key(report: Report) -> ReportKey:
    """Return the series that a report belongs to."""
    return (report.model, report.version, report.segment, report.part, report.window.length, report.age_ms)


@dataclass
class _OfModel:
    """What was told of one model: alerts by id, requests by id with their alert's, ends of windows by series."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    reports: dict[ReportKey, int] = field(default_factory=dict)


class Told:
    """Newest transition of each alert, requests to retrain, last window of each series of reports, as they were told.

    Empty but for a state that was rebuilt. An entry leaves as soon as everything up to its instant was decided again.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._from_ms = -(1 << 62)
        self._models: dict[str, _OfModel] = {}

    @property
    def models(self) -> Collection[str]:
        """Models of which not everything that was told has been decided again."""
        return self._models.keys()

    def lacks(self, pane_start_ms: int) -> bool:
        """Whether a pane began before the replay: the log holds only some of its rows."""
        return pane_start_ms < self._from_ms

    def has(self, output: object) -> bool:
        """Whether an output was told before the state was lost."""
        match output:
            case Alert():
                told = self._of(output.model).alerts.get(output.alert_id)
                return told is not None and told.seq >= output.seq
            case RetrainingRequest():
                return output.request_id in self._of(output.model).requests
            case Report():
                return output.window.end_ms <= self._of(output.model).reports.get(report_key(output), -(1 << 62))
        return False

    def settle(self, model: str, reached_ms: int, book: AlertBook) -> Iterator[Alert]:
        """Forget what was told of a model up to an instant, and yield the end of what fired then and does not now.

        Everything up to `reached_ms` must have been decided.
        """
        mine = self._of(model)
        passed = [told for told in mine.alerts.values() if told.decided_at_ms <= reached_ms]
        for told in sorted(passed, key=lambda alert: (alert.decided_at_ms, alert.alert_id)):
            self._forget(_ALERT, told.alert_id)
            del mine.alerts[told.alert_id]
            key = AlertKey(told.model, told.version, told.segment, told.kind)
            if not book.lasts(key, told.alert_id, told.seq) and told.status == "firing":
                yield _ended(told)
        for request_id in [name for name, alert_id in mine.requests.items() if alert_id not in mine.alerts]:
            self._forget(_REQUEST, model, request_id)
            del mine.requests[request_id]
        for series in [key for key, end_ms in mine.reports.items() if end_ms + key[-1] <= reached_ms]:
            self._forget(_REPORT, *series)
            del mine.reports[series]
        if not (mine.alerts or mine.requests or mine.reports):
            self._models.pop(model, None)

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored entry back."""
        kind, *rest = key
        if kind == _FROM:
            self._from_ms = msgspec.msgpack.decode(data, type=int)
        elif kind == _ALERT:
            alert = msgspec.msgpack.decode(data, type=Alert)
            self._models.setdefault(alert.model, _OfModel()).alerts[alert.alert_id] = alert
        elif kind == _REQUEST:
            model, request_id = map(str, rest)
            requests = self._models.setdefault(model, _OfModel()).requests
            requests[request_id] = msgspec.msgpack.decode(data, type=str)
        else:
            series = msgspec.convert(rest, ReportKey)
            reports = self._models.setdefault(series[0], _OfModel()).reports
            reports[series] = msgspec.msgpack.decode(data, type=int)

    def _of(self, model: str) -> _OfModel:
        return self._models.get(model) or _OfModel()

    def _forget(self, *key: object) -> None:
        self._fields.delete(field_name(PREFIX, *key))


def told_fields(
    from_ms: int, alerts: Mapping[str, Alert], requests: Mapping[RequestKey, str], reports: Mapping[ReportKey, int]
) -> dict[bytes, bytes]:
    """Return the fields of a state that is rebuilt from `from_ms` on.

    Parameters
    ----------
    from_ms
        Panes that begin earlier are not taken from the log.
    alerts
        By alert id, its newest transition.
    requests
        By model and request id, the alert that it is of.
    reports
        By series, the end of the last window.
    """
    pack = msgspec.msgpack.encode
    return {
        field_name(PREFIX, _FROM): pack(from_ms),
        **{field_name(PREFIX, _ALERT, alert_id): pack(alert) for alert_id, alert in alerts.items()},
        **{field_name(PREFIX, _REQUEST, *key): pack(alert_id) for key, alert_id in requests.items()},
        **{field_name(PREFIX, _REPORT, *key): pack(end_ms) for key, end_ms in reports.items()},
    }


def _ended(told: Alert) -> Alert:
    where = " ".join(filter(None, (told.model, told.version, told.segment)))
    return msgspec.structs.replace(
        told, seq=told.seq + 1, status="resolved", reason=ENDED, summary=f"{where}   {told.kind}: {ENDED}", findings=[]
    )
