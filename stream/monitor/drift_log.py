"""What drifted when: kept until the labels of that time are final, as evidence for what they say."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from stream.monitor.by_model import ByModel
from stream.monitor.fields import Fields
from stream.monitor.streams import Stream, field_name
from stream.monitor.subjects import SCORE_LABEL
from tidegauge.alerts import Finding

PREFIX = "e"
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
    """Windows' drift by version and segment, by closing instant; at most 512 windows each."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._entries: ByModel[Stream, list[DriftEntry]] = ByModel()

    def add(self, stream: Stream, entry: DriftEntry) -> None:
        """Append a window."""
        self._keep(stream, [*self._entries.get(stream, []), entry][-_MOST:])

    def drop_before(self, model: str, end_ms: int) -> None:
        """Forget the windows of a model that closed at or before an instant."""
        for stream, entries in list(self._entries.of(model).items()):
            if entries and entries[0].end_ms <= end_ms:
                self._keep(stream, [entry for entry in entries if entry.end_ms > end_ms])

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

    def fired(self, stream: Stream, at_ms: int) -> bool:
        """Whether anything fired in the first window that closed at or after an instant, as far as it is known."""
        entry = next((e for e in self._entries.get(stream, []) if e.end_ms >= at_ms), None)
        return entry is not None and bool(entry.findings)

    def of_models(self, models: Collection[str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield model, field and value of the windows of some models."""
        for model in models:
            for stream, entries in self._entries.of(model).items():
                yield model, field_name(PREFIX, *stream), msgspec.msgpack.encode(entries)

    def _keep(self, stream: Stream, entries: list[DriftEntry]) -> None:
        self._entries[stream] = entries
        self._fields.put(field_name(PREFIX, *stream), msgspec.msgpack.encode(entries))

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored log back."""
        model, version, segment = (str(part) for part in key)
        self._entries[Stream(model, version, segment)] = msgspec.msgpack.decode(data, type=list[DriftEntry])


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings by their largest effect, ties by name."""
    return sorted(findings, key=lambda f: (-max(f.effects.values(), default=0.0), f.subject))
