"""Some hundred histories, every one exact; a few on a real Valkey; and every planted bug is found."""

from collections import Counter

import pytest
import redis

from simulation.faults import InvariantError
from simulation.planted import PLANTED
from simulation.valkey_store import ValkeyStore
from simulation.world import play

SEEDS, CHUNK = 150, 25
BUG_SEEDS = 100


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_history_ends_exact(first: int) -> None:
    for seed in range(first, first + CHUNK):
        play(seed)


def test_the_histories_hold_what_they_should() -> None:
    happened: Counter[str] = Counter()
    for seed in range(SEEDS, SEEDS + 40):
        happened += play(seed).happened
    wanted = {
        "landed", "repeated", "fenced", "stale", "staged", "resumed", "killed", "crashed in the middle", "left",
        "failover", "stopped in the middle", "zombie", "late call", "redefined", "orphan", "rebalance",
    }  # fmt: skip
    assert wanted - set(happened) == set()


def test_a_seed_says_it_all() -> None:
    first, again = play(3), play(3)
    assert first.trace == again.trace
    assert first.observer.messages == again.observer.messages


@pytest.mark.embedded
def test_a_real_valkey_serves_as_well(valkey: redis.Redis) -> None:
    for seed in range(15):
        play(seed, lambda _: ValkeyStore(valkey))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str) -> None:
    planted = PLANTED[name]

    def look_for_it() -> None:
        for seed in range(BUG_SEEDS):
            play(seed, planted.store, planted.parts, name)

    with pytest.raises(InvariantError, match=rf"again: \S+ \S+rerun.py \d+ {name}"):
        look_for_it()
