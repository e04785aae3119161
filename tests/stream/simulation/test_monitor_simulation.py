"""Some hundred histories of a monitor's partition: each alert at least once, none unexpected, state exact."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis

from simulation.faults import InvariantError
from simulation.monitor_world import play_monitor
from simulation.planted import NoEpochCheck, NoSeqCheck
from simulation.store_model import ModelStore
from simulation.valkey_store import ValkeyStore
from stream.app.partition import Partition

SEEDS, BUG_SEEDS = 300, 100


def test_every_history_ends_exact() -> None:
    happened: Counter[str] = Counter()
    for seed in range(SEEDS):
        happened += play_monitor(seed).happened
    assert happened.keys() >= {
        "crash", "taken over", "zombie", "parked", "late", "failover", "repeated", "b'landed'", "b'fenced'", "b'stale'",
    }  # fmt: skip


@pytest.mark.embedded
def test_a_real_valkey_serves_as_well(valkey: redis.Redis) -> None:
    for seed in range(15):
        play_monitor(seed, lambda _: ValkeyStore(valkey))


class HastyOutbox(Partition):
    """Strikes an output off as soon as it is sent, not when it has arrived."""

    def _publish(self, last: int) -> None:
        super()._publish(last)
        for number in list(self._sending):
            self._core.delivered(number)


class DeafOutbox(Partition):
    """Takes a failed report for a good one."""

    def _done(self, core: Any, number: int, _acknowledged: bool) -> None:  # noqa: FBT001 - a callback
        super()._done(core, number, True)


class LostOffset(Partition):
    """Applies what it reads, but for once writes down that it has read one more."""

    def _take(self) -> Any:
        written = super()._take()
        written.delta.offsets[self._topic] += 1
        return written


PLANTED: dict[str, tuple[Callable[..., Any], Callable[..., Partition]]] = {
    "no-epoch-check": (NoEpochCheck, Partition),
    "no-seq-check": (NoSeqCheck, Partition),
    "struck-off-when-sent": (ModelStore, HastyOutbox),
    "failure-taken-for-success": (ModelStore, DeafOutbox),
    "offset-too-far": (ModelStore, LostOffset),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str) -> None:
    make_store, make_partition = PLANTED[name]

    def look_for_it() -> None:
        for seed in range(BUG_SEEDS):
            play_monitor(seed, make_store, make_partition)

    with pytest.raises(InvariantError, match=r"again: play_monitor\(\d+\)"):
        look_for_it()
