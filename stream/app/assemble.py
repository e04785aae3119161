"""Put a worker together from its settings: definitions, profiler thread, monitors, web pages."""

import asyncio
import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import replace

from stream.app.allocator import return_large_blocks
from stream.app.app import AppOptions, add_page, make_app
from stream.app.collector import calm_collector
from stream.app.groups import groups
from stream.app.learned import LearnedWriter
from stream.app.monitors import Monitors
from stream.app.pages import health_page, metrics_page
from stream.app.partition import Partition
from stream.app.partitions import PartitionWatch, asker, counts, keep_counts
from stream.app.publisher import KafkaPublisher, OutputPublisher
from stream.app.startup import insist, listen, ready
from stream.app.supervisor import ThreadService
from stream.app.worker import Failure, Parts, serve, stop_on_signals
from stream.checkpoint import AsyncRunner, ShardName, connect, connect_async
from stream.checkpoint.requests import Client
from stream.config import Settings
from stream.definitions.follower import DefinitionFollower
from stream.definitions.reader import DefinitionReader
from stream.kafka.settings import monitor_client
from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from stream.monitor.config import MonitorConfig
from stream.monitor.core import MonitorCore
from stream.profiler.config import ProfilerConfig, ShardConfig
from stream.profiler.thread import ProfilerThread
from stream.timeline.durations import parse_duration


def profiler_config(settings: Settings, worker: str, *, cold_start: bool = False) -> ProfilerConfig:
    """Translate the settings for the profiler."""
    group, monitor_group = groups(settings)
    return ProfilerConfig(
        kafka=settings.kafka_settings,
        topics=TopicNames(settings.prefix),
        group=group,
        monitor_group=monitor_group,
        worker=worker,
        group_protocol=settings.group_protocol,
        max_unread_bytes=settings.max_unread_bytes,
        cold_start=cold_start,
        shard=ShardConfig(
            lateness_ms=parse_duration(settings.lateness),
            retention_ms=parse_duration(settings.retention),
            idle_ms=None if settings.idle == "never" else parse_duration(settings.idle),
        ),
    )


async def run_worker(settings: Settings, *, cold_start: bool = False) -> None:
    """Run one worker until SIGTERM or SIGINT; raises what ended it otherwise.

    `cold_start`: what is lost begins anew, in place of StateLostError.
    """
    failure = Failure()
    stop = asyncio.Event()
    stop_on_signals(stop)
    web = listen(settings.web)
    if not await ready(settings, stop):
        return
    return_large_blocks()
    names = TopicNames(settings.prefix)
    ask = asker(settings)
    topics: dict[str, int] = {}

    async def compare() -> None:
        topics.update(counts(settings, await asyncio.to_thread(ask)))
        await asyncio.to_thread(keep_counts, settings, topics, cold_start=cold_start)

    if not await insist(compare, stop):  # a server that has answered may be away again
        return
    follower = DefinitionFollower(DefinitionReader(settings.kafka_settings, names.models))
    await asyncio.to_thread(follower.start)
    try:
        parts = _parts(settings, names, follower, failure, web, cold_start=cold_start)
        watch = PartitionWatch(ask, topics, failure)
        calm_collector()
        await serve(replace(parts, services=(*parts.services, watch)), stop)
    finally:
        await asyncio.to_thread(follower.stop)


def _parts(
    settings: Settings,
    names: TopicNames,
    follower: DefinitionFollower,
    failure: Failure,
    web: socket.socket | None,
    *,
    cold_start: bool,
) -> Parts:
    url = settings.redis.url.get_secret_value()
    messages = KafkaPublisher(settings.kafka_settings, names, failure)
    outputs = OutputPublisher(messages, LearnedWriter(settings.kafka_settings, names.models, failure))
    make_partition = _partitions(settings, follower, connect_async(url), outputs, cold_start=cold_start)
    monitors = Monitors(make_partition, failure)
    config = profiler_config(settings, worker_name(), cold_start=cold_start)
    profiler = ProfilerThread(config, connect(url), lambda: follower.catalog)
    options = AppOptions(
        group=groups(settings)[1],
        topic=names.profiles,
        client=monitor_client(settings.kafka_settings),
        web=web,
    )
    app = make_app(options, monitors)
    add_page(app, "/healthz", health_page(profiler, monitors))
    add_page(app, "/metrics", metrics_page(profiler, monitors))
    services = (ThreadService("profiler", profiler, failure),)
    return Parts(
        app, monitors, messages, failure, services, failures=(lambda: follower.failure,), pulses=(profiler.pulse,)
    )


def _partitions(
    settings: Settings, follower: DefinitionFollower, store: Client, outputs: OutputPublisher, *, cold_start: bool
) -> Callable[[int], Partition]:
    config = MonitorConfig(retention_ms=parse_duration(settings.retention), unowned_ms=parse_duration(settings.unowned))
    topic = TopicNames(settings.prefix).profiles

    def make_core(number: int, catalog: Catalog) -> MonitorCore:
        return MonitorCore(number, catalog, config)

    def make_partition(number: int) -> Partition:
        runner = AsyncRunner(store, ShardName(settings.prefix, "monitor", number))
        return Partition(number, topic, runner, make_core, lambda: follower.catalog, outputs, cold_start=cold_start)

    return make_partition


def worker_name() -> str:
    """Name this process: host, process id and something no other has, for a restarted container has the same two."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
