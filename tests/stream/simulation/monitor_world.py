"""One history of a partition of `profiles`: its owners, one after the other and beside each other, and their outbox."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from counting import CountingCore, alert
from redis import exceptions

from simulation.faults import InvariantError
from simulation.store_model import ModelStore
from stream.app.partition import Partition
from stream.checkpoint import AsyncRunner, Landed, RetryPolicy, ShardName, StoreUnavailableError
from stream.model.catalog import Catalog
from stream.monitor.outputs import Output
from tidegauge.alerts import Alert
from tidegauge.codec import encode_profiles
from tidegauge.profiles import ShardWatermark, WatermarkReport

SHARD = ShardName("", "monitor", 0)
EVERY, RECORDS = 3, 120
ATTEMPTS = 200


def record(value: int) -> bytes:
    """A message of which the core sees one number."""
    return encode_profiles(WatermarkReport(worker="w", partitions=1, shards=[ShardWatermark(0, 1, 1, 0, 0, value)]))


RECORD = [record(i) for i in range(RECORDS)]


def run(steps: Coroutine[Any, Any, Any]) -> Any:
    """Drive a coroutine that never has to wait: everything it awaits is at hand."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value
    raise InvariantError("it waits for something")


class Outgoing:
    """A publisher whose messages arrive, or are reported, when the schedule says so."""

    def __init__(self, world: "MonitorWorld") -> None:
        self._world = world
        self.waiting: list[tuple[Output, Callable[[bool], Any]]] = []

    def publish(self, output: Output, on_done: Callable[[bool], Any]) -> bool:
        if self._world.rng.random() < self._world.rates.queue_full:
            return False
        self.waiting.append((output, on_done))
        return True

    def move(self) -> None:
        """Let some arrive, and some reports come back; a report may say that a message failed that is there."""
        rng, rates = self._world.rng, self._world.rates
        for entry in rng.sample(self.waiting, rng.randrange(len(self.waiting) + 1)):
            self.waiting.remove(entry)
            output, on_done = entry
            arrives = rng.random() >= rates.send_fails
            if arrives:
                self._world.arrived(output)
            on_done(arrives and rng.random() >= rates.report_lost)


@dataclass(frozen=True)
class Rates:
    """Probabilities of faults."""

    refused: float = 0.0
    ambiguous: float = 0.0
    late: float = 0.0
    queue_full: float = 0.0
    send_fails: float = 0.0
    report_lost: float = 0.0


class Owner:
    """One worker's hold of the partition."""

    def __init__(self, world: "MonitorWorld", make_partition: Callable[..., Partition]) -> None:
        self.outgoing = Outgoing(world)
        self.owned = False
        runner = AsyncRunner(
            AsyncLink(world), SHARD, retry=RetryPolicy(deadline_seconds=0.0), sleep=_no_time, clock=lambda: 0.0
        )
        self.partition = make_partition(
            0, "profiles", runner, lambda n, _: CountingCore(n, EVERY), Catalog, self.outgoing, clock=lambda: 0.0
        )

    def take_over(self) -> None:
        try:
            run(self.partition.take_over(0))
        except StoreUnavailableError:
            return
        self.owned = True

    def read(self, count: int) -> None:
        partition = self.partition
        if self.owned and not partition.behind_store:
            for offset in range(partition.next_offset, min(partition.next_offset + count, RECORDS)):
                run(partition.apply(offset, RECORD[offset]))

    def checkpoint(self) -> None:
        if self.owned:
            outcome = run(self.partition.checkpoint())
            self.owned = outcome is None or isinstance(outcome, Landed)


async def _no_time(_seconds: float) -> None:
    return None


class AsyncLink:
    """A connection to the store, for an event loop."""

    def __init__(self, world: "MonitorWorld") -> None:
        self._world = world

    async def execute_command(self, *args: Any) -> Any:
        world, chance = self._world, self._world.rng.random()
        if chance < world.rates.refused:
            raise exceptions.ConnectionError("refused")
        if chance < world.rates.refused + world.rates.late:
            world.late.append(args)
            raise exceptions.TimeoutError("late")
        answer = world.store.execute_command(*args)
        world.happened["repeated" if answer and answer[-1] == b"repeated" else str(answer and answer[0])] += 1
        if chance < world.rates.refused + world.rates.late + world.rates.ambiguous:
            raise exceptions.TimeoutError("answer lost")
        return answer


class MonitorWorld:
    """Everything there is in one history of one partition."""

    def __init__(
        self,
        seed: int,
        make_store: Callable[[Callable[[], int]], Any] = ModelStore,
        make_partition: Callable[..., Partition] = Partition,
    ) -> None:
        self.rng = rng = random.Random(seed)
        self.rates = Rates(*(rng.choice((0.0, rng.random() * 0.5)) for _ in range(6)))
        self.now_ms = 1_000
        self.store = make_store(lambda: self.now_ms)
        self.late: list[tuple[Any, ...]] = []
        self.told: Counter[tuple[str, int]] = Counter()
        self.happened: Counter[str] = Counter()
        self._make = make_partition
        self._owner = self._fresh()
        self._zombies: list[Owner] = []
        self._failover = rng.random() < 0.3
        self._saved: Any = None

    def arrived(self, output: Output) -> None:
        """Note an output in its topic."""
        if not isinstance(output, Alert):
            raise InvariantError(f"{output} is no alert")
        self.told[output.alert_id, output.seq] += 1

    def play(self) -> None:
        """Run the whole history, then come to rest and judge."""
        for _ in range(self.rng.randrange(100, 300)):
            self._step()
        self.rates = Rates()
        for call in self.late:
            self.store.execute_command(*call)
        self._zombies.clear()
        self._settle()
        self._judge()

    def _step(self) -> None:
        rng, owner = self.rng, self._owner
        self.now_ms += rng.choice((0, 1, 500))
        what = rng.choice(("read", "read", "checkpoint", "checkpoint", "move", "move", "other", "other"))
        if not owner.owned:
            owner.take_over()
        elif what == "read":
            owner.read(rng.randrange(1, 5))
        elif what == "checkpoint":
            owner.checkpoint()
        elif what == "move":
            owner.outgoing.move()
        else:
            self._happen(
                rng.choice(("crash", "taken over", "zombie", "zombie", "zombie", "parked", "late", "failover", "save"))
            )

    def _happen(self, what: str) -> None:
        rng = self.rng
        match what:
            case "crash":
                self._owner = self._fresh()
            case "taken over":
                self._zombies.append(self._owner)
                self._owner = self._fresh()
            case "parked":
                self._owner.checkpoint()
                self._owner.take_over()
            case "zombie" if self._zombies:
                zombie = rng.choice(self._zombies)
                for act in rng.sample((lambda: zombie.read(2), zombie.checkpoint, zombie.outgoing.move), 3):
                    act()
            case "late" if self.late:
                self.store.execute_command(*self.late.pop(rng.randrange(len(self.late))))
            case "save" if self.store.hash(SHARD.meta).get(b"seq", b"0") != b"0":
                self._saved = self.store.save()
            case "failover" if self._failover and self._saved is not None:
                self.now_ms += 10_000
                self._zombies.clear()  # a failover takes longer than a session: they have heard by then
                self.store.restore(self._saved)
            case _:
                return
        self.happened[what] += 1

    def _settle(self) -> None:
        self._owner.owned = False
        for _ in range(ATTEMPTS):
            owner = self._owner
            if not owner.owned:
                owner.take_over()
            owner.read(RECORDS)
            owner.checkpoint()
            owner.outgoing.move()
            done = owner.owned and owner.partition.next_offset == RECORDS and not owner.partition._core.pending()
            if done and not owner.outgoing.waiting:
                owner.checkpoint()
                return
        raise InvariantError("it does not come to rest")

    def _judge(self) -> None:
        expected = {(alert(0, seq).alert_id, seq) for seq in range(EVERY, RECORDS + 1, EVERY)}
        if missing := expected - self.told.keys():
            raise InvariantError(f"never told: {sorted(missing)}")
        if more := self.told.keys() - expected:
            raise InvariantError(f"told, and never decided: {sorted(more)}")
        stored = self.store.hash(SHARD.fields)
        state = f"{RECORDS} {sum(range(RECORDS))} {RECORDS // EVERY * EVERY}".encode()
        if stored.get(b"count") != state or self.store.hash(SHARD.meta)[b"offset:profiles"] != str(RECORDS).encode():
            raise InvariantError(f"stored {stored.get(b'count')!r}, the log says {state!r}")
        if len(stored) != 1:
            raise InvariantError(f"the outbox still holds {stored.keys() - {b'count'}}")

    def _fresh(self) -> Owner:
        return Owner(self, self._make)


def play_monitor(
    seed: int,
    make_store: Callable[[Callable[[], int]], Any] = ModelStore,
    make_partition: Callable[..., Partition] = Partition,
) -> MonitorWorld:
    """Play one seed; a failure says which."""
    logging.disable(logging.CRITICAL)
    try:
        world = MonitorWorld(seed, make_store, make_partition)
        world.play()
    except Exception as error:
        raise InvariantError(
            f"monitor seed {seed}: {type(error).__name__}: {error}; again: play_monitor({seed})"
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    return world
