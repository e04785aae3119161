"""Which publications Kafka has acknowledged, and so how far each shard's watermark may be told."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from stream.profiler.checkpoints import Publication
from tidegauge.profiles import ShardWatermark


@dataclass(slots=True)
class Delivery:
    """One publication on its way: how many of its profiles are not acknowledged yet."""

    publication: Publication
    remaining: int


class Deliveries:
    """Publications of every shard, in order. A shard's watermark is told when all publications up to it arrived."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Delivery]] = {}
        self._told: dict[int, ShardWatermark] = {}

    @property
    def watermarks(self) -> list[ShardWatermark]:
        """The newest watermark of each shard that may be told, by shard."""
        return [self._told[shard] for shard in sorted(self._told)]

    def open(self, publication: Publication) -> Delivery:
        """Begin to follow a publication."""
        delivery = Delivery(publication, len(publication.profiles))
        self._waiting.setdefault(publication.shard, deque()).append(delivery)
        return delivery

    def take_complete(self) -> Iterable[Publication]:
        """Publications that arrived, with all before them of their shard, since the last call."""
        complete = []
        for shard, waiting in self._waiting.items():
            while waiting and waiting[0].remaining == 0:
                publication = waiting.popleft().publication
                self._told[shard] = publication.watermark
                complete.append(publication)
        return complete

    def drop(self, shard: int) -> None:
        """Forget a shard that is no longer ours: nothing more is told of it."""
        self._waiting.pop(shard, None)
        self._told.pop(shard, None)
