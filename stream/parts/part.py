"""The verbs that all parts share, and where each is made and read back."""

from typing import Protocol, Self

from stream.model.compiled import CompiledModel
from stream.parts.inputs import InputsPart
from stream.parts.keys import ALL_ROWS, PartKey
from stream.parts.outcome import OutcomePart
from stream.parts.sample import SAMPLE_ROWS, SEGMENT_SAMPLE_ROWS, SamplePart
from stream.parts.service import ServicePart

AnyPart = InputsPart | SamplePart | ServicePart | OutcomePart


class Part(Protocol):
    """A bundle of sketches over the rows of one key; additive, so shards and panes merge in any order."""

    def merge(self, other: Self) -> None:
        """Add what `other` counted; raises LayoutError for another layout."""
        ...

    def snapshot(self) -> bytes:
        """Return the state as bytes: equal states give equal bytes."""
        ...

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Return the part that was snapshot; raises SnapshotError for bad bytes or a newer version."""
        ...


_KINDS: dict[str, type[AnyPart]] = {
    "inputs": InputsPart,
    "sample": SamplePart,
    "service": ServicePart,
    "outcome": OutcomePart,
}


def new_part(compiled: CompiledModel, key: PartKey) -> AnyPart:
    """Return an empty part for a key of this model."""
    if key.part == "inputs":
        return InputsPart.of(compiled)
    if key.part == "sample":
        return SamplePart(SAMPLE_ROWS if key.segment == ALL_ROWS else SEGMENT_SAMPLE_ROWS)
    if key.part == "service":
        return ServicePart(compiled.slo_ms)
    return OutcomePart(compiled.task, compiled.definition.threshold, len(compiled.definition.classes))


def load_part(part: str, body: bytes) -> AnyPart:
    """Return the part a body was snapshot from.

    Parameters
    ----------
    part
        "inputs", "sample", "service" or "outcome".

    Raises
    ------
    KeyError
        For any other name.
    detectors.errors.SnapshotError
        For bad bytes or a newer version.
    """
    return _KINDS[part].from_snapshot(body)
