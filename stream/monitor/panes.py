"""Final panes of inputs, samples and outcomes, and the windows they make up."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from stream.monitor.fields import Fields
from stream.monitor.inputs_cells import InputsCells
from stream.monitor.recent import Recent
from stream.monitor.streams import Stream, field_name
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part
from stream.parts.sample import SamplePart
from tidegauge.alerts import Window

PREFIX = "f"


class Panes:
    """Merged parts by key; bodies are decoded when they are first read, and the last 1 024 stay so."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._bodies: dict[PartKey, bytes] = {}
        self._rows: dict[PartKey, int] = {}
        self._index: dict[tuple[str, str], dict[Stream, list[PartKey]]] = {}
        self._recent: Recent[AnyPart] = Recent()
        self._cells: Recent[InputsCells] = Recent()
        self._moved: list[tuple[PartKey, bytes, bool]] = []

    def add(self, key: PartKey, part: AnyPart) -> None:
        """Keep a final part."""
        body = part.snapshot()
        self._fields.put(field_name(PREFIX, *key), body)
        self._note(key, body)
        if isinstance(part, InputsPart):
            self._cells.put(key, InputsCells.of(part))
        else:
            self._recent.put(key, part)
        self._moved.append((key, body, True))

    def take_moved(self) -> list[tuple[PartKey, bytes, bool]]:
        """Return key and body of the parts that came (True) or left (False) since the last call, in order."""
        moved, self._moved = self._moved, []
        return moved

    def load(self, key: PartKey, body: bytes) -> None:
        """Put a stored part back."""
        self._note(key, body)

    def __getitem__(self, key: PartKey) -> AnyPart:
        """Return the part of a key; raises KeyError. Not to be changed by the caller."""
        return self._recent.get(key, lambda: load_part(key.part, self._bodies[key]))

    def cells(self, key: PartKey) -> InputsCells:
        """Return what windows read of inputs; raises KeyError. Not to be changed by the caller."""
        return self._cells.get(key, lambda: InputsCells.read(self._bodies[key]))

    def rows(self, key: PartKey) -> int:
        """Return the predictions in a part of inputs or a sample; raises KeyError. Decodes it once at most."""
        rows = self._rows.get(key)
        if rows is None:
            part = self.cells(key) if key.part == "inputs" else self[key]
            rows = self._rows[key] = part.rows if isinstance(part, InputsCells | SamplePart) else 0
        return rows

    def check(self) -> None:
        """Decode every part that was put back; raises SnapshotError for the first that cannot be read."""
        for key, body in self._bodies.items():
            load_part(key.part, body)

    def body(self, key: PartKey) -> bytes:
        """Return the bytes of a part; raises KeyError."""
        return self._bodies[key]

    @property
    def models(self) -> set[str]:
        """Models with any pane."""
        return {model for model, _ in self._index}

    def streams(self, model: str, part: str) -> list[Stream]:
        """Return the versions and segments with any pane of a part, sorted."""
        return sorted(self._index.get((model, part), {}))

    def first_ms(self, model: str, part: str, from_ms: int) -> int | None:
        """Return the start of a part's earliest pane that begins at `from_ms` or later, None without one."""
        starts = []
        for keys in self._index.get((model, part), {}).values():
            position = bisect_left(keys, from_ms, key=_start)
            starts += [key.pane_start_ms for key in keys[position : position + 1]]
        return min(starts, default=None)

    def last_ms(self, model: str, part: str, until_ms: int) -> int | None:
        """Return the end of a part's latest pane that begins before `until_ms`, None without one."""
        ends = []
        for keys in self._index.get((model, part), {}).values():
            position = bisect_left(keys, until_ms, key=_start)
            ends += [key.pane_end_ms for key in keys[max(position - 1, 0) : position]]
        return max(ends, default=None)

    def within(self, stream: Stream, part: str, window: Window, age_ms: int | None = None) -> Iterator[PartKey]:
        """Yield the keys that overlap a window, by start; of outcomes those of rungs up to `age_ms`."""
        keys = self._index.get((stream.model, part), {}).get(stream, [])
        # A pane that began before the window may reach into it: panes are disjoint, so at most the last one does.
        start = bisect_left(keys, window.start_ms, key=_start)
        while start and keys[start - 1].pane_end_ms > window.start_ms:
            start -= 1
        for key in keys[start:]:
            if key.pane_start_ms >= window.end_ms:
                return
            if age_ms is None or key.age_ms <= age_ms:
                yield key

    def drop_before(self, model: str, part: str, end_ms: int) -> None:
        """Forget the panes of a part that ended at or before an instant."""
        index = self._index.get((model, part), {})
        for stream in list(index):
            gone = 0
            for key in index[stream]:
                if key.pane_end_ms > end_ms:
                    break
                self._forget(key)
                gone += 1
            del index[stream][:gone]
            if not index[stream]:
                del index[stream]

    def _note(self, key: PartKey, body: bytes) -> None:
        stream = Stream(key.model, key.version, key.segment)
        insort(self._index.setdefault((key.model, key.part), {}).setdefault(stream, []), key)
        self._bodies[key] = body

    def _forget(self, key: PartKey) -> None:
        self._fields.delete(field_name(PREFIX, *key))
        self._moved.append((key, self._bodies.pop(key), False))
        self._rows.pop(key, None)
        self._recent.drop(key)
        self._cells.drop(key)


def _start(key: PartKey) -> int:
    return key.pane_start_ms
