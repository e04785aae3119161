"""Time of which a trailing reference learns nothing: something alerted then."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from stream.monitor.by_model import ByModel
from stream.monitor.fields import Fields
from stream.monitor.streams import Stream, field_name
from tidegauge.alerts import Finding

HARM = "h"


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Time in which something alerted, (start, end]: each instant by the first window that closed at or after it.

    `onsets`: since when, as it was known from an instant on, as (known, since). What was found later than a reference
    was learnt must not change it.
    """

    start_ms: int
    end_ms: int
    onsets: list[tuple[int, int]] = []

    def covers(self, start_ms: int, end_ms: int, known_ms: int) -> bool:
        """Whether it holds all of a pane, by what was known at an instant."""
        since_ms = min([self.start_ms, *(since for known, since in self.onsets if known <= known_ms)])
        return since_ms <= start_ms and end_ms <= self.end_ms


def extended(stretches: list[Stretch], piece: Stretch, known_ms: int, findings: Iterable[Finding]) -> list[Stretch]:
    """Return stretches with one more piece of time, which may continue the last one, and what is said of its onset."""
    before = stretches[-1:] if stretches and stretches[-1].end_ms == piece.start_ms else []
    start_ms, onsets = (before[0].start_ms, before[0].onsets) if before else (piece.start_ms, [])
    since_ms = min((f.since_ms for f in findings if f.since_ms is not None), default=start_ms)
    if since_ms < min([start_ms, *(since for _, since in onsets)]):
        onsets = [*onsets, (known_ms, since_ms)]
    return [*stretches[: len(stretches) - len(before)], Stretch(start_ms, piece.end_ms, onsets)]


class HarmLog:
    """When performance or calibration alerted, by version and segment, as long as panes of that time are kept."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._stretches: ByModel[Stream, list[Stretch]] = ByModel()

    def add(self, stream: Stream, piece: Stretch, known_ms: int, findings: Collection[Finding]) -> None:
        """Note what a window found in time that no other has judged."""
        if findings and piece.start_ms < piece.end_ms:
            self._keep(stream, extended(self._stretches.get(stream, []), piece, known_ms, findings))

    def fired(self, stream: Stream, start_ms: int, end_ms: int, known_ms: int) -> bool:
        """Whether something alerted in all of a pane, by what was known at an instant."""
        return any(stretch.covers(start_ms, end_ms, known_ms) for stretch in self._stretches.get(stream, []))

    def drop_before(self, model: str, panes_ms: int) -> None:
        """Forget a model's stretches up to `panes_ms`."""
        for stream, stretches in list(self._stretches.of(model).items()):
            kept = [stretch for stretch in stretches if stretch.end_ms > panes_ms]
            if len(kept) < len(stretches):
                self._keep(stream, kept)

    def of_models(self, models: Collection[str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield model, field and value of the stretches of some models."""
        for model in models:
            for stream, stretches in self._stretches.of(model).items():
                yield model, field_name(HARM, *stream), msgspec.msgpack.encode(stretches)

    def load(self, key: list[object], data: bytes) -> None:
        """Put stored stretches back."""
        model, version, segment = (str(part) for part in key)
        self._stretches[Stream(model, version, segment)] = msgspec.msgpack.decode(data, type=list[Stretch])

    def _keep(self, stream: Stream, stretches: list[Stretch]) -> None:
        if stretches:
            self._stretches[stream] = stretches
            self._fields.put(field_name(HARM, *stream), msgspec.msgpack.encode(stretches))
        else:
            del self._stretches[stream]
            self._fields.delete(field_name(HARM, *stream))
