"""Which shards are taken over when, with a store that is away at first; how often they are written."""

from typing import Any

import pytest

from stream.checkpoint import StoreUnavailableError
from stream.profiler.config import Cadence
from stream.profiler.owned import Owned
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


TAKES_SECONDS = 0.05


class Costly(Owned):
    """A shard whose checkpoints take a while and write nothing."""

    taken = 0

    def checkpoint(self, now: float) -> None:
        self.checkpointed_at, self.seconds = now, TAKES_SECONDS
        self.taken += 1


class NothingCloses:
    def closing(self) -> bool:
        return False


class NoLetters:
    def settle(self, seconds: float) -> bool:
        return True


def checkpoints_in(seconds: float, shards: int, cadence: Cadence) -> list[int]:
    """How many each shard takes by a clock that goes on while they are taken."""
    unused: Any = None
    letters: Any = NoLetters()
    checkpoints: Any = NothingCloses()
    costly = {shard: Costly(unused, checkpoints) for shard in range(shards)}
    held = Shards(unused, unused, letters, cadence, Totals())
    held.owned = dict(costly)
    turns = 0
    while (now := turns * 0.01 + TAKES_SECONDS * sum(shard.taken for shard in costly.values())) < seconds:
        held.checkpoint(now)
        turns += 1
    return [shard.taken for shard in costly.values()]


@pytest.mark.parametrize("shards", [1, 4, 8])
def test_checkpoints_of_all_shards_together_take_their_share_of_the_time(shards: int) -> None:
    cadence = Cadence(max_checkpoint_seconds=60.0)
    counts = checkpoints_in(200.0, shards, cadence)
    assert len(set(counts)) == 1
    assert 0.05 < sum(counts) * TAKES_SECONDS / 200.0 <= cadence.max_checkpoint_share * 1.01


def test_no_checkpoint_is_put_off_for_longer_than_it_may_be() -> None:
    assert min(checkpoints_in(200.0, 16, Cadence(max_checkpoint_seconds=5.0))) >= 30
