"""Which shards are taken over when: with a store that is away at first."""

from typing import Any

from stream.checkpoint import StoreUnavailableError
from stream.profiler.config import Cadence
from stream.profiler.shards import STORE_PAUSE_SECONDS, Shards
from stream.profiler.status import Totals


class FakeKeeper:
    """Takes nothing over while the store is away."""

    def __init__(self) -> None:
        self.away = True

    def take_over(self, shard: int, now: float) -> Any:
        if self.away:
            raise StoreUnavailableError("away")
        return Taken(shard)


class Taken:
    """A shard with nothing in it: its own bookkeeping, too."""

    def __init__(self, shard: int) -> None:
        self.core = self.checkpoints = self
        self.offsets = {"predictions": 10 * shard}

    def republish(self) -> None:
        return None


class FakePublisher:
    def publish(self, publication: None) -> None:
        pass


def test_an_assignment_takes_over_its_own_shards_and_leaves_others_to_the_next_turn() -> None:
    """The consumer starts what an assignment brought; one that was taken over beside it would never be read."""
    keeper: Any = FakeKeeper()
    publisher: Any = FakePublisher()
    letters: Any = None
    shards = Shards(keeper, publisher, letters, Cadence(), Totals())
    shards.assigned([0], 100.0)
    assert shards.owned.keys() == set()
    keeper.away = False
    later = 100.0 + 2 * STORE_PAUSE_SECONDS
    shards.assigned([1], later)
    assert shards.owned.keys() == {1}
    assert shards.take_over(later) == {0: {"predictions": 0}}
    assert shards.owned.keys() == {0, 1}
