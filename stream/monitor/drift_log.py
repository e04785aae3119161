"""What drifted when: kept until the labels of that time are final, as evidence for what they say.

When something drifted is kept longer, as long as the panes of that time are: no reference is to be learnt from them.
"""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from stream.monitor.by_model import ByModel
from stream.monitor.fields import Fields
from stream.monitor.streams import Stream, field_name
from stream.monitor.stretches import Stretch, extended
from stream.monitor.subjects import SCORE_LABEL
from stream.timeline.durations import parse_duration
from tidegauge.alerts import Finding

PREFIX = "e"
STRETCHES = "g"
_MOST = 512


class DriftEntry(msgspec.Struct, frozen=True, array_like=True):
    """The drift of one window: what fired, and how many features were judged."""

    end_ms: int
    length: str
    judged: int
    findings: list[Finding]


class DriftEvidence(msgspec.Struct, frozen=True):
    """Drift that overlaps a stretch of time, strongest first, and how many features stayed quiet."""

    findings: list[Finding]
    quiet: int


class DriftLog:
    """Windows' drift by version and segment, by closing instant; at most 512 windows each, and all their stretches."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._entries: ByModel[Stream, list[DriftEntry]] = ByModel()
        self._stretches: dict[Stream, list[Stretch]] = {}

    def add(self, stream: Stream, entry: DriftEntry, start_ms: int) -> None:
        """Append a window that began at `start_ms`."""
        entries = self._entries.get(stream, [])
        self._keep_stretches(stream, _extended(self._drifted(stream), entries[-1:], entry, start_ms))
        self._keep(stream, [*entries, entry][-_MOST:])

    def drop_before(self, model: str, end_ms: int, panes_ms: int) -> None:
        """Forget the windows of a model that closed at or before `end_ms`, and stretches up to `panes_ms`."""
        for stream, entries in list(self._entries.of(model).items()):
            kept = [entry for entry in entries if entry.end_ms > end_ms]
            stretches = [stretch for stretch in self._drifted(stream) if stretch.end_ms > panes_ms]
            if not kept and not stretches:  # nothing may come of this version and segment any more
                self._forget(stream)
                continue
            self._keep_stretches(stream, stretches)
            if len(kept) < len(entries):
                self._keep(stream, kept)

    def overlapping(self, stream: Stream, since_ms: int, until_ms: int, decided_ms: int) -> DriftEvidence:
        """Return what drifted in (since_ms, until_ms], as far as it was known at an instant.

        A change is often confirmed some windows after it began: so what fired up to `decided_ms` counts too if it began
        before `until_ms`. Of each subject the newest finding of the stretch itself, else the first one after it.
        """
        entries = [e for e in self._entries.get(stream, []) if since_ms < e.end_ms <= decided_ms]
        within = [entry for entry in entries if entry.end_ms <= until_ms]
        newest = {finding.subject: finding for entry in within for finding in entry.findings}
        for finding in (finding for entry in entries[len(within) :] for finding in entry.findings):
            if finding.since_ms is not None and finding.since_ms < until_ms:
                newest.setdefault(finding.subject, finding)
        judged = max((entry.judged for entry in entries), default=0)
        moved = len(set(newest) - {SCORE_LABEL})
        return DriftEvidence(ranked(list(newest.values())), max(0, judged - moved))

    def fired(self, stream: Stream, start_ms: int, end_ms: int, known_ms: int) -> bool:
        """Whether something drifted in all of a pane, by the first window to close after each part of it.

        Or since before that window, if it was known at an instant: a change is often confirmed some windows later.
        """
        return any(stretch.covers(start_ms, end_ms, known_ms) for stretch in self._drifted(stream))

    def of_models(self, models: Collection[str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield model, field and value of the windows and stretches of some models."""
        for model in models:
            for stream, entries in self._entries.of(model).items():
                yield model, field_name(PREFIX, *stream), msgspec.msgpack.encode(entries)
                yield model, field_name(STRETCHES, *stream), msgspec.msgpack.encode(self._drifted(stream))

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored log back."""
        self._entries[_stream(key)] = msgspec.msgpack.decode(data, type=list[DriftEntry])

    def load_stretches(self, key: list[object], data: bytes) -> None:
        """Put stored stretches back."""
        self._stretches[_stream(key)] = msgspec.msgpack.decode(data, type=list[Stretch])

    def _drifted(self, stream: Stream) -> list[Stretch]:
        """Return a log's stretches; releases that kept none leave them to be worked out from its windows."""
        known = self._stretches.get(stream)
        return _stretches_of(self._entries.get(stream, [])) if known is None else known

    def _keep(self, stream: Stream, entries: list[DriftEntry]) -> None:
        self._entries[stream] = entries
        self._fields.put(field_name(PREFIX, *stream), msgspec.msgpack.encode(entries))

    def _forget(self, stream: Stream) -> None:
        del self._entries[stream]
        self._stretches.pop(stream, None)
        self._fields.delete(field_name(PREFIX, *stream))
        self._fields.delete(field_name(STRETCHES, *stream))

    def _keep_stretches(self, stream: Stream, stretches: list[Stretch]) -> None:
        if stretches != self._stretches.get(stream):
            self._stretches[stream] = stretches
            self._fields.put(field_name(STRETCHES, *stream), msgspec.msgpack.encode(stretches))


def _stream(key: list[object]) -> Stream:
    model, version, segment = (str(part) for part in key)
    return Stream(model, version, segment)


def _stretches_of(entries: Sequence[DriftEntry]) -> list[Stretch]:
    stretches: list[Stretch] = []
    for position, entry in enumerate(entries):
        before = entries[max(position - 1, 0) : position]
        stretches = _extended(stretches, before, entry, entry.end_ms - parse_duration(entry.length))
    return stretches


def _extended(
    stretches: list[Stretch], before: Sequence[DriftEntry], entry: DriftEntry, start_ms: int
) -> list[Stretch]:
    """Return stretches with what a window adds to them: that part of it which the one before has not judged."""
    from_ms = max([start_ms, *(one.end_ms for one in before)])
    if not entry.findings or from_ms >= entry.end_ms:
        return stretches
    return extended(stretches, Stretch(from_ms, entry.end_ms), entry.end_ms, entry.findings)


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings by their largest effect, ties by name."""
    return sorted(findings, key=lambda f: (-max(f.effects.values(), default=0.0), f.subject))
