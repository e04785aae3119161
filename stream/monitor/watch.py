"""What the clock shows and no event can: shards that nobody owns, silence everywhere, state that was lost.

The one part of a monitor that reads the wall clock, because these are about what does not come. Its alerts carry the
kind `tidegauge.state` and the model `*`: they concern every model.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from stream.monitor.alert_book import AlertKey, Transition
from stream.monitor.config import MonitorConfig
from stream.monitor.fields import Fields
from stream.monitor.memory import Firing
from stream.monitor.streams import field_name
from stream.monitor.watermarks import Watermarks
from stream.timeline.durations import DAY_MS
from tidegauge.alerts import Alert, Finding, Severity, Window

PREFIX: Final = "v"
EVERY_MODEL: Final = "*"
KIND: Final = "tidegauge.state"
SPEAKER: Final = 0
"""Every partition hears of every shard; this one tells of them, so that it is said once."""

_KEPT_MS: Final = 60_000
"""Between two notes of when a shard was last heard of: a successor need not know it better."""
_SETTLING_MS: Final = 10_000
"""After a start, or a pause of the process: what came meanwhile must be read first."""

Note = tuple[str, str, Severity, int]
"""Subject, sentence, severity, since when."""


class Watch:
    """When each shard was last heard of, and what was lost."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._heard: dict[int, int] = {}
        self._kept: dict[int, int] = {}
        self._silent_since_ms: int | None = None
        self._loss: tuple[str, int] = ("", 0)
        self._looked_ms = self._settled_ms = 0
        self.unowned: frozenset[int] = frozenset()

    def lose(self, text: str, now_ms: int) -> None:
        """Note what this partition goes on without, because a person asked for it; told for a day."""
        self._loss = (text, now_ms)
        self._fields.put(field_name(PREFIX), msgspec.msgpack.encode(self._loss))

    def look(self, watermarks: Watermarks, partition: int, now_ms: int, config: MonitorConfig) -> dict[str, list[Note]]:
        """Return what is wrong now, by version of the alert: of all shards "", of this partition its name.

        Both are there whenever anything may be judged, so that what ceased resolves; nothing is while the process
        settles.
        """
        self._hear(watermarks, now_ms)
        if now_ms - self._looked_ms > 6 * _SETTLING_MS:
            self._settled_ms = now_ms + _SETTLING_MS
        self._looked_ms = now_ms
        if now_ms < self._settled_ms:
            return {}
        self.unowned = frozenset(n for n, at in self._heard.items() if now_ms - at >= config.unowned_ms)
        found = {partition_name(partition): list(self._own(now_ms))}
        if partition == SPEAKER:
            found[""] = [*self._missing(), *_lost(watermarks), *self._silence(watermarks, now_ms, config)]
        return found

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored field back."""
        if key:
            shard = msgspec.convert(key[0], int)
            self._heard[shard] = self._kept[shard] = msgspec.msgpack.decode(data, type=int)
        else:
            self._loss = msgspec.msgpack.decode(data, type=tuple[str, int])

    def _hear(self, watermarks: Watermarks, now_ms: int) -> None:
        for shard in watermarks.take_heard():
            self._heard[shard] = now_ms
        for shard in range(watermarks.partitions):
            self._heard.setdefault(shard, now_ms)
            if self._heard[shard] - self._kept.get(shard, 0) >= _KEPT_MS:
                self._kept[shard] = self._heard[shard]
                self._fields.put(field_name(PREFIX, shard), msgspec.msgpack.encode(self._heard[shard]))

    def _missing(self) -> Iterator[Note]:
        for shard in sorted(self.unowned):
            yield f"shard {shard}", "nobody owns it: no worker reports it", "error", self._heard[shard]

    def _silence(self, watermarks: Watermarks, now_ms: int, config: MonitorConfig) -> Iterator[Note]:
        if not watermarks.all_idle:
            self._silent_since_ms = None
            return
        if self._silent_since_ms is None:
            self._silent_since_ms = now_ms
        if now_ms - self._silent_since_ms >= config.unowned_ms:
            yield "silence", f"no event on any of {watermarks.partitions} shards", "info", self._silent_since_ms

    def _own(self, now_ms: int) -> Iterator[Note]:
        text, at_ms = self._loss
        if text and now_ms - at_ms < DAY_MS:
            yield "profiles", f"went on without what is lost: {text}", "warning", at_ms


def partition_name(partition: int) -> str:
    """Return the version under which a partition's own alert stands."""
    return f"profiles[{partition}]"


def alert_key(version: str) -> AlertKey:
    """Return the key of the alert that concerns every model."""
    return AlertKey(EVERY_MODEL, version, "", KIND)


def firing(notes: list[Note]) -> list[Firing]:
    """Return notes as findings; equal notes give equal findings, so that nothing is told twice."""
    return [
        Firing(
            finding=Finding(subject=f"{subject}: {text}", detector="watch", since_ms=since_ms),
            severity=severity,
            window=Window(length="", start_ms=since_ms, end_ms=since_ms),
            n=0,
        )
        for subject, text, severity, since_ms in notes
    ]


def tell(transition: Transition) -> Alert:
    """Return the alert that says it."""
    subjects = [found.finding.subject for found in transition.firing]
    where = f" {transition.key.version}" if transition.key.version else ""
    return Alert(
        alert_id=transition.alert_id,
        seq=transition.seq,
        status=transition.status,
        severity=transition.severity,
        worst=transition.worst,
        kind=transition.key.kind,
        model=transition.key.model,
        version=transition.key.version,
        reason=transition.reason,
        summary=f"state of tidegauge{where}: {'; '.join(subjects) if subjects else 'whole again'}",
        started_ms=transition.started_ms,
        decided_at_ms=transition.decided_at_ms,
        detector="watch",
        subject=subjects[0] if subjects else "",
        findings=[found.finding for found in transition.firing],
    )


def _lost(watermarks: Watermarks) -> Iterator[Note]:
    for shard, loss, since_ms in watermarks.losses:
        yield f"shard {shard}", f"went on without what is lost: {loss}", "warning", since_ms
