"""What must have come out: one thread, the whole log of a partition in one batch, no store, no clock, nobody killed."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import msgspec

from load.chaos.topics import Log, Named
from stream.definitions.reader import DefinitionReader
from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from stream.monitor.config import MonitorConfig
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import Output
from stream.parts.store import PartStore
from stream.profiler.config import ShardConfig
from stream.profiler.messages import DeadLetter
from stream.profiler.shard import ShardCore
from tidegauge import Alert, Report
from tidegauge.codec import encode_profiles
from tidegauge.partitioner import partition_for
from tidegauge.profiles import ProfileBundle, WatermarkReport


@dataclass
class Expected:
    """The answer."""

    cores: dict[int, ShardCore]
    bodies: dict[Named, bytes]
    dead: list[DeadLetter]
    outputs: list[Output]

    @property
    def reports(self) -> list[Report]:
        """Every evaluation."""
        return [output for output in self.outputs if isinstance(output, Report)]

    @property
    def alerts(self) -> dict[tuple[str, int], Alert]:
        """Every transition."""
        return {(o.alert_id, o.seq): o for o in self.outputs if isinstance(o, Alert)}


def catalog_of(kafka: Mapping[str, str], names: TopicNames) -> Catalog:
    """Return everything that was declared in the run."""
    with closing(DefinitionReader(kafka, names.models)) as reader:
        return reader.read_to_end()


def recompute(
    log: Log, catalog: Catalog, config: ShardConfig, switches: Mapping[int, Mapping[bytes, bytes]], partitions: int
) -> Expected:
    """Compute the answer from the log.

    Parameters
    ----------
    switches
        By shard the stored fields that say from which event time on a change of a definition holds there: the one thing
        that depends on when a worker heard of it, and so is part of the state.
    partitions
        Of the profiles topic.
    """
    cores: dict[int, ShardCore] = {}
    dead: list[DeadLetter] = []
    for shard in sorted({shard for _, shard in log.batches}):
        core = cores[shard] = ShardCore(shard, catalog, config)
        core.switches.load(switches.get(shard, {}))
        core.set_catalog(catalog)
        dead += core.predictions(log.batches["predictions", shard])
        dead += core.labels(log.batches["labels", shard])
    bodies = {(shard, key): body for shard, core in cores.items() for key, body in _snapshots(core.store)}
    return Expected(cores, bodies, dead, _monitored(cores, bodies, catalog, config, partitions))


def _snapshots(store: PartStore) -> list[tuple[object, bytes]]:
    return [(key, store.snapshot(key)) for key in store]


def _monitored(
    cores: Mapping[int, ShardCore],
    bodies: Mapping[Named, bytes],
    catalog: Catalog,
    config: ShardConfig,
    partitions: int,
) -> list[Output]:
    monitors = [MonitorCore(p, catalog, MonitorConfig(retention_ms=config.retention_ms)) for p in range(partitions)]
    for (shard, key), body in bodies.items():
        bundle = ProfileBundle([key.profile(body, shard=shard, epoch=1, seq=1)])
        monitors[partition_for(key.model.encode(), partitions)].apply(encode_profiles(bundle))
    outputs: list[Output] = []
    report = WatermarkReport("oracle", len(cores), [core.watermark(1, 1) for core in cores.values()])
    for monitor in monitors:
        monitor.apply(encode_profiles(report))
        while decided := monitor.advance():
            outputs += decided
    return outputs


def same_report(report: Report) -> Report:
    """Return a report without what depends on when late rows came: how many revisions it took."""
    return msgspec.structs.replace(report, revision=0)
