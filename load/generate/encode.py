"""Bytes, beforehand: predictions and labels merged in order of event time, each with its topic and its instant."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import orjson

from load.generate.draw import Drawer
from load.generate.events import labels, predictions
from load.generate.spec import LoadSpec

PREDICTION, LABEL = 0, 1


class Message(NamedTuple):
    """One message; `partition` -1 leaves it to the key."""

    at_ms: int
    kind: int
    key: bytes
    value: bytes
    partition: int


@dataclass(frozen=True)
class Encoded:
    """Messages in order of event time."""

    messages: list[Message]

    def of(self, kind: int) -> list[Message]:
        """Return only predictions, or only labels."""
        return [message for message in self.messages if message.kind == kind]

    @property
    def last_ms(self) -> int:
        """Event time of the last message; -1 when there is none."""
        return self.messages[-1].at_ms if self.messages else -1


class Source:
    """Makes slices of a load that never ends; labels wait until event time reaches them.

    Memory: the labels that are outstanding, about 250 B each.

    Examples
    --------
    >>> source = Source(LoadSpec(per_second=100, label_delay_seconds=1))
    >>> first, second = source.slice(50), source.slice(50)
    >>> first.last_ms <= second.messages[0].at_ms
    True
    >>> len(first.of(PREDICTION))
    50
    """

    def __init__(self, spec: LoadSpec) -> None:
        self.spec = spec
        self._drawer = Drawer(spec)
        self._outstanding: list[Message] = []
        self.predictions = 0
        self.labels = 0

    def slice(self, count: int) -> Encoded:
        """Return the next `count` predictions and the labels that fall due until the last of them."""
        columns = self._drawer.draw(count)
        first, self.predictions = self.predictions, self.predictions + count
        places = columns.partitions.tolist()
        made = [
            Message(event["timestamp_ms"], PREDICTION, event["prediction_id"].encode(), orjson.dumps(event), place)
            for event, place in zip(predictions(self.spec, columns, first), places, strict=True)
        ]
        places = columns.partitions[columns.label_ms >= 0].tolist()
        self._outstanding += [
            Message(event["timestamp_ms"], LABEL, event["prediction_id"].encode(), orjson.dumps(event), place)
            for event, place in zip(labels(self.spec, columns, first), places, strict=True)
        ]
        return Encoded(_by_time(made + self._due(made[-1].at_ms if made else -1)))

    def rest(self) -> Encoded:
        """Return every label that is still outstanding."""
        messages, self._outstanding = self._outstanding, []
        self.labels += len(messages)
        return Encoded(_by_time(messages))

    def all(self, count: int) -> Encoded:
        """Return `count` predictions and all their labels."""
        messages = [message for part in self.slices(count) for message in part.messages]
        return Encoded(messages)

    def slices(self, count: int, size: int = 20_000) -> Iterator[Encoded]:
        """Yield `count` predictions in slices of `size`, and in the end the labels that were still outstanding."""
        for first in range(0, count, size):
            yield self.slice(min(size, count - first))
        yield self.rest()

    def _due(self, until_ms: int) -> list[Message]:
        due = [message for message in self._outstanding if message.at_ms <= until_ms]
        if due:
            self._outstanding = [message for message in self._outstanding if message.at_ms > until_ms]
        self.labels += len(due)
        return due


def _by_time(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=itemgetter(0))
