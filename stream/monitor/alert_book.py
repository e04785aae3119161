"""Episodes of alerts: what is firing, and the transitions that people are told of."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from detectors.cusum import QUIET_BLOCKS
from stream.monitor.by_model import ByModel
from stream.monitor.fields import Fields
from stream.monitor.memory import Firing
from stream.monitor.streams import ALL_ROWS, Stream, field_name
from tidegauge.alerts import SEVERITIES, AlertKind, Severity, Status

PREFIX = "a"
QUIET: Final = "quiet again"
LOST: Final = "too few rows to tell"


class AlertKey(NamedTuple):
    """Everything of one kind that is wrong with one version and segment is one alert."""

    model: str
    version: str
    segment: str
    kind: AlertKind

    @property
    def stream(self) -> Stream:
        """Version and segment."""
        return Stream(self.model, self.version, self.segment)


class AlertMemory(msgspec.Struct):
    """One alert's state.

    `scopes` are the findings that hold, by the monitor that holds them (window length, label age, pair). While
    `alert_id` is "" no episode lasts: either nothing holds, or the alert of all rows tells of it (last at `told_ms`).
    `requested`: retraining was asked for in this episode; `worst`: the highest severity it had.
    """

    scopes: dict[str, list[Firing]] = {}
    alert_id: str = ""
    seq: int = 0
    severity: Severity = "info"
    started_ms: int = 0
    subjects: list[str] = []
    requested: bool = False
    told_ms: int = -(1 << 62)
    worst: Severity = "info"

    @property
    def firing(self) -> list[Firing]:
        """Findings that hold, one for each subject: the loudest, then the furthest beyond its threshold."""
        best: dict[str, Firing] = {}
        for scope in sorted(self.scopes):
            for found in self.scopes[scope]:
                before = best.get(found.finding.subject)
                if before is None or loudness(found) > loudness(before):
                    best[found.finding.subject] = found
        return sorted(best.values(), key=lambda f: (*(-x for x in loudness(f)), f.finding.subject))


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert that begins, changes or ends; `asks` for retraining once, when it first tells of matured harm."""

    key: AlertKey
    alert_id: str
    seq: int
    status: Status
    severity: Severity
    reason: str
    started_ms: int
    decided_at_ms: int
    firing: Sequence[Firing]
    asks: bool = False
    worst: Severity | None = None


class AlertBook:
    """Every alert's state.

    An alert of one segment does not begin while all rows fire for the same kind: one cause, one page. It is told of
    in that alert's context, and begins when the segment outlasts it by more blocks than a calm end takes.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._reasons: dict[AlertKey, str] = {}
        self._alerts: ByModel[AlertKey, AlertMemory] = ByModel()
        self._touched: set[AlertKey] = set()

    def hold(self, key: AlertKey, scope: str, firing: Sequence[Firing], lost: Collection[str] = ()) -> None:
        """Say which findings hold in one scope of an alert, in place of those that did.

        Of subjects that are `lost` nobody can tell any more: an alert whose last findings were theirs says so.
        """
        memory = self._alerts.get(key)
        if memory is None:
            if not firing:
                return
            memory = self._alerts[key] = AlertMemory()
        if memory.scopes.get(scope, []) != list(firing):
            if not firing and all(found.finding.subject in lost for found in memory.scopes[scope]):
                self._reasons.setdefault(key, LOST)
            elif self._reasons.get(key) == LOST:
                del self._reasons[key]
            memory.scopes[scope] = list(firing)
            if not firing:
                del memory.scopes[scope]
            self._touched.add(key)

    def explain(self, key: AlertKey, scope: str, reason: str, subjects: Collection[str] | None = None) -> None:
        """Say why a scope is about to let go of what it holds (of `subjects`), should that end the alert."""
        held = {found.finding.subject for found in self.held(key, scope)}
        if held and (subjects is None or held <= set(subjects)):
            self._reasons[key] = reason

    def held(self, key: AlertKey, scope: str) -> list[Firing]:
        """Return the findings that one scope of an alert holds."""
        memory = self._alerts.get(key)
        return [] if memory is None else memory.scopes.get(scope, [])

    def settle(self, model: str, instant_ms: int, kinds: Collection[AlertKind] = ()) -> Iterator[Transition]:
        """Yield the transitions that follow from what holds now, all rows before segments.

        Of `kinds`, those decided at this instant, whatever holds without an alert is looked at, news or none: what all
        rows told of has an alert of its own once it has outlasted theirs, and nothing else may ever be found of it.
        """
        touched = {key for key in self._touched if key.model == model}
        self._touched -= touched
        # What all rows do decides whether their segments are told of.
        parents = {key._replace(segment=ALL_ROWS) for key in touched}
        mine = self._alerts.of(model)
        family = {key for key in mine if key._replace(segment=ALL_ROWS) in parents}
        waiting = {key for key, memory in mine.items() if key.kind in kinds and memory.scopes and not memory.alert_id}
        looked_at = sorted(touched | family | waiting)
        reasons = {key: self._reasons.pop(key) for key in [*self._reasons] if key.model == model}
        told_ms = {key: self._alerts[key].told_ms for key in looked_at}
        for key in looked_at:
            transition = self._settle(key, instant_ms, reasons.get(key, QUIET))
            if transition is not None:
                if transition.status == "resolved" and key.segment == ALL_ROWS:
                    self._tell_until(family - {key}, key, instant_ms)
                yield transition
            if key in touched or transition is not None or self._alerts[key].told_ms != told_ms[key]:
                self._store(key)

    def release(self, model: str, kinds: Collection[AlertKind], watched: Mapping[AlertKind, Collection[str]]) -> None:
        """Let go of every finding of some kinds in scopes that a model's definition does not watch (any more)."""
        for key in [key for key in self._alerts.of(model) if key.kind in kinds]:
            for scope in self._alerts[key].scopes.keys() - watched.get(key.kind, ()):
                self.hold(key, scope, [])

    def holding(self, stream: Stream, kinds: Collection[AlertKind]) -> bool:
        """Whether any finding of these kinds holds for a version and segment."""
        mine = self._alerts.of(stream.model).items()
        return any(key.stream == stream and key.kind in kinds and memory.scopes for key, memory in mine)

    def segments(self, key: AlertKey) -> list[str]:
        """Return the segments in which an alert's kind holds too, sorted."""
        return sorted(
            other.segment
            for other, memory in self._alerts.of(key.model).items()
            if other._replace(segment=key.segment) == key and other.segment != ALL_ROWS and memory.scopes
        )

    def streams(self, model: str, kinds: Collection[AlertKind]) -> set[Stream]:
        """Return the versions and segments of a model for which any finding of these kinds holds."""
        mine = self._alerts.of(model).items()
        return {key.stream for key, memory in mine if key.kind in kinds and memory.scopes}

    def of_models(self, models: Collection[str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield model, field and value of every alert of some models."""
        for model in models:
            for key, memory in self._alerts.of(model).items():
                yield model, field_name(PREFIX, *key), msgspec.msgpack.encode(memory)

    def lasts(self, key: AlertKey, alert_id: str, seq: int) -> bool:
        """Whether an episode that was told up to `seq` lasts; if so its next transition is told under a higher one."""
        memory = self._alerts.get(key)
        if memory is None or memory.alert_id != alert_id:
            return False
        if memory.seq < seq:
            memory.seq = seq
            self._store(key)
        return True

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored alert back."""
        model, version, segment, kind = (str(part) for part in key)
        self._alerts[AlertKey(model, version, segment, kind)] = msgspec.msgpack.decode(data, type=AlertMemory)  # type: ignore[arg-type]  # written from an AlertKey

    def _tell_until(self, family: Collection[AlertKey], parent: AlertKey, instant_ms: int) -> None:
        """Note that the alert of all rows told of its segments until it ended, however long ago they were looked at."""
        for key in family:
            if key._replace(segment=ALL_ROWS) == parent:
                self._alerts[key].told_ms = instant_ms

    def _settle(self, key: AlertKey, instant_ms: int, reason: str) -> Transition | None:
        memory = self._alerts[key]
        firing = memory.firing
        if not memory.alert_id:
            if not firing or self._told_by_all_rows(key, instant_ms, firing[0]):
                return None
            memory.alert_id, memory.seq = alert_id(key, instant_ms), 0
            memory.started_ms = firing[0].window.end_ms
            return self._move(key, instant_ms, firing, _first_reason(firing))
        if not firing:
            return self._move(key, instant_ms, firing, reason)
        change = _change(memory, firing)
        return self._move(key, instant_ms, firing, change) if change else None

    def _move(self, key: AlertKey, instant_ms: int, firing: Sequence[Firing], reason: str) -> Transition:
        memory = self._alerts[key]
        memory.seq += 1
        if firing:
            memory.worst = max(memory.worst, memory.severity, firing[0].severity, key=SEVERITIES.index)
            memory.severity = firing[0].severity
            memory.subjects = sorted({*memory.subjects, *(f.finding.subject for f in firing)})
        asks = bool(firing) and key.kind == "performance" and memory.severity == "error" and not memory.requested
        memory.requested = memory.requested or asks
        transition = Transition(
            key=key,
            alert_id=memory.alert_id,
            seq=memory.seq,
            status="firing" if firing else "resolved",
            severity=memory.severity,
            reason=reason,
            started_ms=memory.started_ms,
            decided_at_ms=instant_ms,
            firing=firing,
            asks=asks,
            worst=memory.worst if memory.worst != memory.severity else None,
        )
        if not firing:
            self._alerts[key] = AlertMemory()
        return transition

    def _told_by_all_rows(self, key: AlertKey, instant_ms: int, lead: Firing) -> bool:
        if key.segment == ALL_ROWS:
            return False
        memory, parent = self._alerts[key], self._alerts.get(key._replace(segment=ALL_ROWS))
        if parent is not None and parent.alert_id:
            memory.told_ms = instant_ms
        block_ms = lead.window.end_ms - lead.window.start_ms
        return instant_ms - memory.told_ms <= (QUIET_BLOCKS + 1) * block_ms

    def _store(self, key: AlertKey) -> None:
        field = field_name(PREFIX, *key)
        memory = self._alerts[key]
        if memory.scopes or memory.alert_id:
            self._fields.put(field, msgspec.msgpack.encode(memory))
        else:
            del self._alerts[key]
            self._fields.delete(field)


def alert_id(key: AlertKey, began_ms: int) -> str:
    """Return the id of the episode that began at an instant of event time: the same for whoever works it out."""
    content = "\x00".join((*key, str(began_ms)))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def loudness(firing: Firing) -> tuple[int, float]:
    """Return severity, then how far beyond its threshold a finding lies."""
    finding = firing.finding
    return SEVERITIES.index(firing.severity), abs(finding.value / finding.threshold) if finding.threshold else 0.0


def _first_reason(firing: Sequence[Firing]) -> str:
    lead = firing[0].finding
    return f"{lead.subject}: {lead.detector}"


def _change(memory: AlertMemory, firing: Sequence[Firing]) -> str:
    """Return why an episode's subscribers should hear of it again, "" if they need not."""
    severity = firing[0].severity
    if severity != memory.severity:
        risen = SEVERITIES.index(severity) > SEVERITIES.index(memory.severity)
        return (
            "labels matured"
            if risen and severity == "error"
            else f"severity {'rose' if risen else 'fell'} to {severity}"
        )
    joined = sorted({f.finding.subject for f in firing} - set(memory.subjects))
    return f"joined by {', '.join(joined)}" if joined else ""
