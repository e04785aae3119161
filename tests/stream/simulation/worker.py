"""One worker: the profiler's own loop, with everything around it simulated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from profiler_logs import CONFIG
from redis import exceptions

from simulation.broker import SimProducer
from simulation.group import SimInputs
from stream.checkpoint import Loaded, SyncRunner
from stream.checkpoint.requests import script_sha
from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import Cadence, ProfilerConfig
from stream.profiler.dead_letters import DeadLetters
from stream.profiler.heritage import Heritage
from stream.profiler.loop import Loop
from stream.profiler.owned import Keeper
from stream.profiler.publisher import Publisher
from stream.profiler.shard import ShardCore
from stream.profiler.shards import Shards
from stream.profiler.status import Totals

if TYPE_CHECKING:
    from simulation.world import World

CHECKPOINT = script_sha("checkpoint")
PROFILE_PARTITIONS = 2
# The time a checkpoint takes is real, so it must decide nothing; the store gives up at once, so nothing sleeps.
CADENCE = Cadence(max_checkpoint_share=1e9, store_deadline_seconds=0.0)


@dataclass(frozen=True)
class Parts:
    """What the workers are made of: the product's own, or one of them replaced by a planted bug."""

    core: Callable[..., ShardCore] = ShardCore
    checkpoints: Callable[..., Checkpoints] = Checkpoints
    publisher: Callable[..., Publisher] = Publisher
    letters: Callable[..., DeadLetters] = DeadLetters


class PartsHeritage(Heritage):
    """The heritage, building shards of the given parts."""

    parts = Parts()
    resumed = 0

    def take_over(self, runner: SyncRunner, parked: Checkpoints | None = None) -> Checkpoints:
        found = super().take_over(runner, parked)
        self.resumed += found is parked
        return found

    def _loaded(self, runner: SyncRunner, loaded: Loaded) -> Checkpoints:
        core = self.parts.core(runner.shard.shard, self._catalog(), self._config)
        core.load(loaded)
        return self.parts.checkpoints(core, loaded.epoch, loaded.seq, loaded)


class Link:
    """A worker's connection to the store: calls and answers get lost, or arrive when nobody waits any more."""

    def __init__(self, world: "World", io: Callable[[str], None]) -> None:
        self._world, self._io = world, io

    def execute_command(self, *args: Any) -> Any:
        world = self._world
        self._io("store")
        chance, faults = world.rng.random(), world.faults
        if chance < faults.refused:
            raise exceptions.ConnectionError("refused")
        chance -= faults.refused
        if chance < faults.late:
            if args[0] == "EVALSHA":  # a read that comes late changes nothing
                world.late.append(args)
            raise exceptions.TimeoutError("late")
        answer = world.execute(*args)
        if chance - faults.late < faults.ambiguous:
            raise exceptions.TimeoutError("answer lost")
        self._io("store answered")
        return answer


class Worker:
    """A process that reads, counts, checkpoints and publishes, turn by turn."""

    def __init__(self, world: "World", name: str) -> None:
        rng = world.rng
        self.name, self._world = name, world
        self.heard = len(world.catalogs) - 1
        """How many of the definitions it has read; a new process reads them all before it begins."""
        self.producer = SimProducer(world.broker, rng, self._io)
        config = ProfilerConfig(
            kafka={}, topics=TopicNames(), worker=name, batch=rng.choice((1, 5, 20)), chunk=rng.choice((1, 3, 500)),
            gather_seconds=rng.choice((0.0, 0.05, 1.0)), max_ahead_ms=rng.choice((600_000, 3_600_000)),
            shard=CONFIG, cadence=CADENCE,
        )  # fmt: skip
        fake: Any = self.producer
        totals, letters = Totals(), world.parts.letters(fake, config.topics)
        publisher = world.parts.publisher(
            fake, config.topics.profiles, PROFILE_PARTITIONS, worker=name, inputs=len(world.logs), cadence=CADENCE
        )
        self.heritage = heritage = PartsHeritage(CONFIG, self._catalog, world.ask_log)
        heritage.parts = world.parts
        keeper = Keeper(Link(world, self._io), "", CADENCE, heritage)
        self.shards = Shards(keeper, publisher, letters, CADENCE, totals)
        self.loop = Loop(config, self.shards, publisher, letters, self._make_inputs, self._catalog, totals)

    def turn(self) -> None:
        self.loop.turn()

    def stop(self) -> None:
        self.loop.finish(2.0)

    def _catalog(self) -> Catalog:
        return self._world.catalogs[self.heard]

    def _make_inputs(self, loop: Loop) -> Any:
        world = self._world
        self.inputs = SimInputs(
            self.name,
            world.group,
            world.logs,
            world.rng,
            self._io,
            lambda: world.faults,
            loop.on_assign,
            loop.on_revoke,
        )
        return self.inputs

    def _io(self, point: str) -> None:
        self._world.at_io(self, point)
