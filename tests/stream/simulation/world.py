"""One history: workers, group, broker and store, moved by a seeded schedule until everything was read and told."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock

from profiler_logs import START, catalog, definition

from simulation import verdict
from simulation.broker import Broker
from simulation.faults import NONE, Crashed, InvariantError, draw
from simulation.group import Group
from simulation.logs import DAY_MS, HOUR_MS, draw_logs
from simulation.observer import Observer
from simulation.store_model import ModelStore
from simulation.worker import CHECKPOINT, Parts, Worker
from stream.checkpoint import ShardName, encoding
from stream.checkpoint.fit import Log
from stream.model.compile import compile_model
from stream.profiler import loop
from tidegauge.definition import CategoricalGrid, NumericGrid

TRACE_LINES = 60
MAX_WORKERS = 3
SETTLE_ROUNDS = 400


@dataclass
class Clock:
    """Stands in for the module `time` in the loop."""

    now: float
    wall_ms: int

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall_ms / 1000

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall_ms += int(seconds * 1000)


class World:
    """Everything there is in one history.

    Parameters
    ----------
    seed
        Decides all of it.
    make_store
        From a clock; the model by default.
    parts
        What workers are made of.
    """

    def __init__(
        self, seed: int, make_store: Callable[[Callable[[], int]], Any] = ModelStore, parts: Parts | None = None
    ) -> None:
        self.rng = rng = random.Random(seed)
        self.parts = parts or Parts()
        self.clock = Clock(1_000.0, START + rng.choice((0, HOUR_MS, 3 * DAY_MS, 40 * DAY_MS)))
        self.faults = draw(rng)
        end_ms = START + rng.choice((6 * HOUR_MS, 6 * HOUR_MS, 30 * DAY_MS))
        self.logs = {shard: draw_logs(rng, shard, end_ms) for shard in range(rng.choice((1, 1, 2)))}
        self.store = make_store(lambda: self.clock.wall_ms)
        self.observer = Observer(self.store, self.logs)
        self.broker = Broker(rng, self.observer.landed)
        self.broker.faults = self.faults
        self.group = Group(eager=rng.random() < 0.6)
        self.catalogs = [catalog()]
        self.redefine = rng.random() if rng.random() < 0.3 else 2.0
        self.max_items = rng.choice((4_000, 4_000, 12))
        self.late: list[tuple[Any, ...]] = []
        self.live: dict[str, Worker] = {}
        self.trace: list[str] = []
        self.happened: Counter[str] = Counter()
        self._saved: Any = None
        """What a replica that lags holds; None before every shard has a checkpoint: all would be lost."""
        self._stack: list[str] = []
        self._born = 0

    def execute(self, *args: Any) -> Any:
        """Run a command on the store, and look at what a checkpoint did."""
        checkpoint = args[:2] == ("EVALSHA", CHECKPOINT)
        if checkpoint:
            self.observer.before(args[3])
        answer = self.store.execute_command(*args)
        if checkpoint:
            self.observer.after(args[3], answer)
        if args[0] == "EVALSHA":
            self.happened["repeated" if answer[-1] == b"repeated" else answer[0].decode()] += 1
        return answer

    def ask_log(self, shard: int) -> Log:
        """What Kafka says of a shard's logs."""
        logs = self.logs[shard]
        committed = {role: self.group.committed.get((role, shard), 0) for role in logs}
        spans = {role: range(log.offsets[0], log.end) for role, log in logs.items()}
        return Log(spans, {role: at for role, at in committed.items() if at}, self.group.epochs.get(shard, 0))

    def at_io(self, worker: Worker, point: str) -> None:
        """A worker is about to speak to the outside: here it may die, or be stopped while others go on."""
        chance = self.rng.random()
        if chance < self.faults.crash_in_io:
            raise Crashed(point)
        if chance - self.faults.crash_in_io < self.faults.stall_in_io and len(self._stack) < 2:
            self._note(f"{worker.name} stops at {point}", "stopped in the middle")
            self.clock.advance(self.rng.choice((0.0, 8.0, 40.0)))
            if self.rng.random() < 0.7:
                self._rebalance({worker.name})
            for _ in range(self.rng.randrange(1, 6)):
                self._step()
            self._note(f"{worker.name} goes on")

    def play(self) -> None:
        """Run the whole history; raises InvariantError, or whatever a worker raised."""
        for _ in range(self.rng.choice((1, 2, 2, 3))):
            self._join()
        for _ in range(self.rng.randrange(30, 80)):
            self._step()
        self._settle()
        verdict.check(self)

    def _step(self) -> None:
        rng, faults = self.rng, self.faults
        free = [worker for name, worker in self.live.items() if name not in self._stack]
        self._grow()
        self.clock.advance(rng.choice((0.0, 0.1, 0.3, 1.0)))
        if not self.live or (rng.random() < faults.join and len(self.live) < MAX_WORKERS):
            self._join()
        elif free and rng.random() < faults.crash:
            self._kill(rng.choice(free), "is killed", "killed")
        elif free and rng.random() < faults.leave:
            self._run(rng.choice(free), Worker.stop)
        elif rng.random() < faults.rebalance:
            self._rebalance({name for name in self.live if rng.random() < faults.sleeps_through})
        elif self._saved is not None and rng.random() < faults.failover * (4 if self.group.asleep else 1):
            self._fail_over()
        elif rng.random() < faults.pause:
            self.clock.advance(rng.choice((7.0, 35.0, 3_600.0, 100_000.0)))
        elif free:
            self._run(rng.choice(free), Worker.turn)
        self._background()

    def _background(self) -> None:
        """What happens beside the workers: the network, news, the end of a sleep, a replica that catches up."""
        rng = self.rng
        for worker in self.live.values():
            if rng.random() < 0.7:
                self.broker.move(worker.producer)
            # Who counted rows before it heard, and lost that to a failover, has told what nobody will tell again.
            if worker.heard < len(self.catalogs) - 1 and (self.faults.failover or rng.random() < 0.5):
                worker.heard += 1
        if rng.random() < 0.2 and self.broker.orphans:
            self.broker.drift()
            self.happened["orphan"] += 1
        if self.late and rng.random() < 0.3:
            self.execute(*self.late.pop(rng.randrange(len(self.late))))
            self.happened["late call"] += 1
        if rng.random() < 0.1 and self.group.asleep:
            self.group.asleep.discard(rng.choice(sorted(self.group.asleep)))
        if rng.random() < 0.1:
            self._save()

    def _save(self) -> None:
        if all(self._meta(shard).get(b"seq", b"0") != b"0" for shard in self.logs):
            self._saved = self.store.save()

    def _run(self, worker: Worker, what: Callable[[Worker], None]) -> None:
        self._stack.append(worker.name)
        try:
            what(worker)
        except Crashed as crash:
            self._kill(worker, f"dies at {crash}", "crashed in the middle")
        else:
            if what is Worker.stop:
                self._kill(worker, "has left", "left")
        finally:
            self._stack.remove(worker.name)

    def _grow(self) -> None:
        """Let services write; now and then somebody changes a definition."""
        for logs in self.logs.values():
            for log in logs.values():
                # The last one comes at the end: who was idle when the store failed over must have something to write.
                log.visible = min(log.visible + self.rng.choice((0, 0, 1, 3)), len(log.offsets) - 1)
        read = sum(log.visible / len(log.offsets) for logs in self.logs.values() for log in logs.values())
        if read / len(self.logs) / 2 > self.redefine:
            self.redefine = 2.0
            self._define()

    def _define(self) -> None:
        """Another grid and no segments for one model, as `apply` does it: from a pane a minute after all that came."""
        grids = {
            "temp": NumericGrid([2.0, 4.0]),
            "carrier": CategoricalGrid(["UA"]),
            "__score__": NumericGrid([0.5]),
        }
        newest_ms = max(log.newest_ms for logs in self.logs.values() for log in logs.values())
        compiled = compile_model(definition("planner"), grids, (newest_ms + 60_000) // 600_000 * 600_000 + 600_000)
        self.catalogs.append(self.catalogs[-1].with_revision(compiled))
        self._note("a definition changes", "redefined")

    def _join(self) -> None:
        self._born += 1
        name = f"w{self._born}"
        self.live[name] = Worker(self, name)
        self._note(f"{name} joins")
        self._rebalance(set())

    def _kill(self, worker: Worker, how: str, kind: str) -> None:
        self._note(f"{worker.name} {how}", kind)
        self.live.pop(worker.name, None)
        self.happened["resumed"] += worker.heritage.resumed
        self.group.leave(worker.name)
        self.broker.bury(worker.producer)
        self.observer.check_unpublished()
        if self.live and self.rng.random() < 0.7:
            self._rebalance(set())

    def _rebalance(self, sleepers: set[str]) -> None:
        """Who runs at the moment, in the middle of something, cannot answer in time either."""
        sleepers = (sleepers | set(self._stack)) & self.live.keys()
        members = [name for name in self.live if name not in sleepers | self.group.lost]
        held = {name: list(worker.inputs.assigned) for name, worker in self.live.items()}
        plan: dict[str, list[int]] = {name: [] for name in members}
        for shard in self.logs if members else ():
            plan[self.rng.choice(members)].append(shard)
        # A replica that lags may not have heard of the new owners yet, when the old ones go on.
        if sleepers and self.rng.random() < 0.5:
            self._save()
        self.group.rebalance(held, plan, sleepers)
        self._note(f"rebalance to {plan}, without {sorted(sleepers)}", "zombie" if sleepers else "rebalance")

    def _fail_over(self) -> None:
        """A replica that lags takes over; who was given up by the group may sleep through it, and write."""
        self.clock.advance(10.0)
        self.store.restore(self._saved)
        self.observer.failed_over()
        self._note("the store fails over", "failover")
        self.observer.check_unpublished()

    def _settle(self) -> None:
        """No more faults: everything is read, written, told and heard."""
        self.faults = self.broker.faults = NONE
        self.group.asleep.clear()
        for logs in self.logs.values():
            for log in logs.values():
                log.visible = len(log.offsets)
        for call in self.late:
            self.execute(*call)
        while self.broker.orphans:
            self.broker.drift()
        if not self.live:
            self._join()
        self._rebalance(set())
        calm = 0
        for number in range(SETTLE_ROUNDS):
            self.clock.advance(7.0 if calm == 0 else 100_000.0)
            for worker in self.live.values():
                worker.heard = len(self.catalogs) - 1
                self._run(worker, Worker.turn)
                self.broker.move(worker.producer)
            if number == 3:  # those who had to hear first that they were given up can be members again
                self._rebalance(set())
            calm = calm + 1 if number > 3 and self._calm() else 0
            if calm == 3:
                return
        raise InvariantError("it does not come to rest")

    def _calm(self) -> bool:
        """Whether everything was read by somebody, written and told."""
        owned = {shard: o for worker in self.live.values() for shard, o in worker.shards.owned.items()}
        return owned.keys() == self.logs.keys() and all(
            owned[shard].written
            and not owned[shard].checkpoints.unpublished
            and all(owned[shard].core.offsets.get(role) == log.end for role, log in logs.items())
            for shard, logs in self.logs.items()
        )

    def _meta(self, shard: int) -> dict[bytes, bytes]:
        return self.store.hash(ShardName("", "profiler", shard).meta)

    def _note(self, what: str, kind: str = "") -> None:
        self.happened[kind] += 1
        self.trace.append(f"{self.clock.now:10.1f} {what}")


def play(
    seed: int,
    make_store: Callable[[Callable[[], int]], Any] = ModelStore,
    parts: Parts | None = None,
    planted: str = "",
) -> World:
    """Play one seed; a failure says how to see it again."""
    world = World(seed, make_store, parts)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(loop, "time", world.clock))
        stack.enter_context(mock.patch.object(encoding, "MAX_ITEMS", world.max_items))
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, logging.NOTSET)
        try:
            world.play()
        except Exception as error:
            trace = "\n".join(world.trace[-TRACE_LINES:])
            again = f".venv/bin/python tests/stream/simulation/rerun.py {seed} {planted}".rstrip()
            raise InvariantError(f"{trace}\nseed {seed}: {type(error).__name__}: {error}\nagain: {again}") from error
    return world
