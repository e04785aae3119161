"""What a monitor decides, and the outbox it waits in until Kafka has acknowledged it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from stream.model.reference import Reference
from stream.monitor.fields import Fields
from stream.monitor.streams import field_name
from stream.parts.keys import PartKey
from tidegauge.alerts import Alert
from tidegauge.definition import Definition, FeatureGrid
from tidegauge.profiles import Profile
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest


class LearnedModel(msgspec.Struct, frozen=True, kw_only=True, tag="model"):
    """Types and grids learnt from the stream, to be written to `models`."""

    definition: Definition
    grids: dict[str, FeatureGrid]
    effective_from_ms: int


class LearnedReference(msgspec.Struct, frozen=True, kw_only=True, tag="reference"):
    """Healthy blocks learnt from the stream, to be written to `models`."""

    model: str
    held_out: bool
    profiles: list[Profile]
    source: str
    effective_from_ms: int

    @property
    def reference(self) -> Reference:
        """The reference these profiles are; its id is the hash of its content."""
        return Reference.of(self.model, self.profiles, held_out=self.held_out, source=self.source)


class HistorySnapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot"):
    """What a monitor knows of one model and no log tells again: detectors, episodes, how far it was decided.

    Attributes
    ----------
    number
        Rises from 1 with each snapshot of the model.
    fields
        Fields of the state, all as of one moment.
    """

    model: str
    number: int
    fields: dict[bytes, bytes]


class HistoryPane(msgspec.Struct, frozen=True, kw_only=True, tag="pane"):
    """A final pane of a model that learns its reference, to be kept longer than any log; `body` None: no longer.

    `size_bytes` is the body's length, also of one that is gone.
    """

    key: PartKey
    size_bytes: int
    body: bytes | None


History = HistorySnapshot | HistoryPane
Learned = LearnedModel | LearnedReference
Output = Report | Alert | RetrainingRequest | Learned | History

_KINDS: Final[Mapping[bytes, type[Output]]] = {
    b"r": Report,
    b"a": Alert,
    b"t": RetrainingRequest,
    b"m": LearnedModel,
    b"f": LearnedReference,
    b"s": HistorySnapshot,
    b"p": HistoryPane,
}
_LETTERS: Final = {kind: letter for letter, kind in _KINDS.items()}
PREFIX: Final = "out"


def pack_output(output: Output) -> bytes:
    """Return an output as bytes: a letter for its kind, then MessagePack (NaN survives, unlike in JSON)."""
    return _LETTERS[type(output)] + msgspec.msgpack.encode(output)


def unpack_output(data: bytes) -> Output:
    """Return the output that was packed; raises KeyError or msgspec.DecodeError for other bytes."""
    return msgspec.msgpack.decode(data[1:], type=_KINDS[data[:1]])


class Outbox:
    """Outputs in the order in which they were decided, numbered from 0 for ever.

    An entry is written in the same call as the decision it tells of, and removed only after delivery: so a crash in
    between publishes it again, and consumers drop the repeat by (alert_id, seq).
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._entries: dict[int, Output] = {}
        self.next_number = 0

    def __len__(self) -> int:
        """Return the number of outputs not yet delivered."""
        return len(self._entries)

    def add(self, output: Output) -> None:
        """Append an output."""
        self._fields.put(field_name(PREFIX, self.next_number), pack_output(output))
        self._entries[self.next_number] = output
        self.next_number += 1

    def pending(self) -> list[tuple[int, Output]]:
        """Return the outputs not yet delivered, oldest first."""
        return sorted(self._entries.items(), key=lambda entry: entry[0])

    def delivered(self, number: int) -> None:
        """Forget an output that Kafka has acknowledged; a number that is not held is skipped."""
        if self._entries.pop(number, None) is not None:
            self._fields.delete(field_name(PREFIX, number))

    def load(self, number: int, data: bytes) -> None:
        """Put a stored entry back."""
        self._entries[number] = unpack_output(data)
        self.next_number = max(self.next_number, number + 1)
