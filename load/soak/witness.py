"""When each partition was first given an event of each second: what closes a window is known by its produce call."""

import json
from collections.abc import Iterable
from pathlib import Path

from load.generate.encode import Message

Place = tuple[int, int]
"""Kind (prediction or label) and partition."""


class Witness:
    """Notes, for each place and each second of event time, when the first message at or after it was handed over.

    Messages come in order of event time and name their partition.

    Examples
    --------
    >>> witness = Witness(start_second=10)
    >>> witness.note([Message(10_500, 0, b"", b"", 3), Message(12_000, 0, b"", b"", 3)], at=99.0)
    >>> witness.seen[0, 3]
    {11: 99.0, 12: 99.0}
    """

    def __init__(self, start_second: int) -> None:
        self._next_ms: dict[Place, int] = {}
        self._start_ms = (start_second + 1) * 1000
        self.seen: dict[Place, dict[int, float]] = {}

    def note(self, messages: Iterable[Message], at: float) -> None:
        """Take in messages that are handed over now."""
        expected = self._next_ms
        for at_ms, kind, _, _, partition in messages:
            place = (kind, partition)
            awaited = expected.get(place, self._start_ms)
            if at_ms >= awaited:
                seconds = range(awaited // 1000, at_ms // 1000 + 1)
                self.seen.setdefault(place, {}).update(dict.fromkeys(seconds, at))
                expected[place] = (seconds[-1] + 1) * 1000

    def write(self, path: Path) -> None:
        """Write down what was seen."""
        told = [[*place, second, at] for place, seconds in self.seen.items() for second, at in seconds.items()]
        path.write_text(json.dumps(told), encoding="ascii")


def read_witness(path: Path) -> dict[Place, dict[int, float]]:
    """Read what a witness wrote."""
    seen: dict[Place, dict[int, float]] = {}
    for kind, partition, second, at in json.loads(path.read_text(encoding="ascii")):
        seen.setdefault((kind, partition), {})[second] = at
    return seen
