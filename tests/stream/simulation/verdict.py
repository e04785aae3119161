"""What must hold at the end: what was told is what the logs say, and nothing was told too early."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import profiler_oracle as oracle
from profiler_logs import CONFIG, comparable, definition

from simulation.faults import InvariantError
from simulation.logs import Log
from simulation.worker import PROFILE_PARTITIONS
from stream.checkpoint import Loaded, ShardName
from stream.monitor import incoming
from stream.monitor.fields import Fields
from stream.monitor.incoming import Incoming
from stream.monitor.watermarks import Watermarks
from stream.parts.keys import PartKey
from stream.parts.outcome import OutcomePart
from stream.parts.part import load_part
from stream.profiler.messages import RawBatch
from stream.profiler.schedule import Progress, closed
from stream.profiler.shard import ShardCore
from stream.profiler.state import decode_meta
from tidegauge.profiles import WatermarkReport

if TYPE_CHECKING:
    from simulation.world import World

Named = tuple[int, PartKey]
NOTHING = OutcomePart("binary", definition().threshold, 0).snapshot()


def check(world: "World") -> None:
    """Compare everything that was told, and what the store holds, with a reading of each log in one batch."""
    truths = {shard: _truth(world, shard) for shard in world.logs}
    final = {(shard, key): core.store.snapshot(key) for shard, core in truths.items() for key in core.store}
    final = {name: body for name, body in final.items() if not _empty(name[1], body)}
    for shard, core in truths.items():
        _check_state(world, shard, core)
    world.observer.check_unpublished()
    newest = _newest(world)
    _check_newest(newest, final)
    _check_watermarks(world, final)
    _check_monitor(world, final)
    if len(world.catalogs) == 1:
        _check_oracle(world, newest)


def _truth(world: "World", shard: int) -> ShardCore:
    """The shard, as one who knew all definitions (and what was decided about them) reads it at once."""
    core = ShardCore(shard, world.catalogs[-1], CONFIG)
    stored = world.store.hash(ShardName("", "profiler", shard).fields)
    switches = {field: value for field, value in stored.items() if field.startswith(b"v|")}
    core.load(Loaded(1, 1, switches, {}, {}, {}))
    core.predictions(_whole(world.logs[shard]["predictions"]))
    core.labels(_whole(world.logs[shard]["labels"]))
    return core


def _whole(log: Log) -> RawBatch:
    return RawBatch(log.shard, log.offsets, log.broker_ms, log.values)


def _empty(key: PartKey, body: bytes) -> bool:
    """Whether a part holds nothing: what one label added and another took back may never have been added."""
    return key.part == "outcome" and body == NOTHING


def _same(key: PartKey, one: bytes, other: bytes) -> bool:
    return one == other or comparable(key.part, one) == comparable(key.part, other)


def _check_state(world: "World", shard: int, core: ShardCore) -> None:
    name = ShardName("", "profiler", shard)
    meta, fields = world.store.hash(name.meta), world.store.hash(name.fields)
    stored = decode_meta(fields)
    for role, log in world.logs[shard].items():
        if int(meta.get(b"offset:" + role.encode(), b"0")) != log.end:
            raise InvariantError(f"shard {shard}: {role} were not read to their end")
        mine, truth = getattr(stored, role).copied(), core.counts[role].copied()
        mine.repeated = truth.repeated = 0
        if mine != truth:
            raise InvariantError(f"shard {shard}: {role} counted {mine}, the log says {truth}")
    # One without a model that waited for two predictions is counted by both, if they came after it: by design.
    anonymous = any(event.get("model") == "" for event in world.logs[shard]["labels"].good())
    memory = core.memory
    if stored.unmatched != memory.unmatched and not anonymous:
        raise InvariantError(f"shard {shard}: {stored.unmatched} labels unmatched, the log says {memory.unmatched}")
    for log in (memory.joiner.predictions, memory.joiner.labels):
        lengths = world.store.hash(name.buckets).items()
        held = sum(int(n) for bucket, n in lengths if bucket.startswith(log.record.name.encode() + b"|"))
        if held != len(log) * log.record.stored.itemsize:
            raise InvariantError(
                f"shard {shard}: the join log holds {held} bytes, not {len(log)} records of {log.record.name}"
            )
    if world.store.hash(name.unpublished):
        raise InvariantError(f"shard {shard}: something was never told")


def _newest(world: "World") -> dict[Named, bytes]:
    """The newest profile of each part, by (epoch, seq)."""
    newest: dict[Named, tuple[tuple[int, int], bytes]] = {}
    for _, message in world.observer.messages:
        for profile in () if isinstance(message, WatermarkReport) else message.profiles:
            name, order = (profile.shard, PartKey.of(profile)), (profile.epoch, profile.seq)
            if name not in newest or order >= newest[name][0]:
                newest[name] = order, profile.body
    return {name: body for name, (_, body) in newest.items() if not _empty(name[1], body)}


def _check_newest(newest: dict[Named, bytes], final: dict[Named, bytes]) -> None:
    for name in newest.keys() | final.keys():
        if name not in newest or name not in final:
            raise InvariantError(f"{name} is {'not told' if name in final else 'told, and not in the log'}")
        if not _same(name[1], newest[name], final[name]):
            raise InvariantError(f"{name} was told otherwise than the log says")


def _check_watermarks(world: "World", final: dict[Named, bytes]) -> None:
    """When a watermark is told, every part below it had arrived before, as it is at the end."""
    arrived: set[Named] = set()
    for _, message in world.observer.messages:
        if not isinstance(message, WatermarkReport):
            for profile in message.profiles:
                name = (profile.shard, PartKey.of(profile))
                if name not in arrived and name in final and _same(name[1], profile.body, final[name]):
                    arrived.add(name)
            continue
        for told in message.shards:
            progress = Progress(told.predictions_ms, told.labels_ms)
            for name in final.keys() - arrived:
                if name[0] == told.shard and closed(name[1], progress):
                    raise InvariantError(f"the watermark {progress} was told before {name}")


def _check_monitor(world: "World", final: dict[Named, bytes]) -> None:
    """The monitor's own intake closes every on-time pane once, from snapshots that say what the logs say."""
    wanted: dict[PartKey, dict[int, bytes]] = defaultdict(dict)
    for (shard, key), body in final.items():
        if key.on_time:
            wanted[key][shard] = body
    closed_keys: set[PartKey] = set()
    with mock.patch.object(incoming, "_merged", lambda _, shards: shards):  # what it merges, before it does
        for partition in range(PROFILE_PARTITIONS):
            for key, shards in _closed(world, partition):
                if key in closed_keys:
                    raise InvariantError(f"the monitor closed {key} twice")
                closed_keys.add(key)
                found = {shard: p.body for shard, p in shards.items() if not _empty(key, p.body)}
                if found.keys() != wanted[key].keys():
                    raise InvariantError(
                        f"the monitor closed {key} with shards {found.keys()}, not {wanted[key].keys()}"
                    )
                for shard, body in found.items():
                    if not _same(key, body, wanted[key][shard]):
                        raise InvariantError(f"the monitor closed {key} otherwise than the log of shard {shard} says")
    if missing := {key for key, shards in wanted.items() if shards} - closed_keys:
        raise InvariantError(f"the monitor never closed {min(missing)} and {len(missing) - 1} more")


def _closed(world: "World", partition: int) -> Iterator[tuple[PartKey, Any]]:
    """What a monitor that reads one partition of the profiles topic closes, in order."""
    fields = Fields()
    waiting, watermarks = Incoming(fields), Watermarks(fields)
    for at, message in world.observer.messages:
        if at != partition:
            continue
        if isinstance(message, WatermarkReport):
            watermarks.apply(message)
        else:
            for profile in message.profiles:
                waiting.apply(profile, watermarks)
        yield from waiting.close(watermarks)


def _check_oracle(world: "World", newest: dict[Named, bytes]) -> None:
    """The truth itself agrees with the plain oracle, one event at a time."""
    for shard, logs in world.logs.items():
        known, _ = oracle.facts(logs["predictions"].good(), logs["labels"].good())
        told = {
            (key.model, key.version, key.segment, key.pane_start_ms, key.on_time): load_part(key.part, body).rows
            for (at, key), body in newest.items()
            if at == shard and key.part == "inputs"
        }
        wanted = {cell: numbers[0] for cell, numbers in oracle.volumes(known).items()}
        if told != wanted:
            raise InvariantError(f"shard {shard}: rows told {told}, the oracle says {wanted}")
