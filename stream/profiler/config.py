"""What a profiler may be told, with the defaults; frozen, so that a running shard cannot be changed under its feet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stream.kafka.topics import TopicNames
from tidegauge.events import MAX_FEATURES

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What bounds a shard's memory. Beyond a limit names go to `__other__`, rows are counted by reason.

    Versions, values and contexts (a version with a value of each segment) are those that a prediction had within what
    the join log remembers, to the day: the longest label horizon (two days at least, where a model was met that nobody
    declared), `retention` and the clocks' skew.
    """

    models: int = 1_000
    versions_per_model: int = 64
    values_per_segment: int = 128
    contexts: int = 65_536
    label_texts: int = 4_096
    features: int = MAX_FEATURES
    text_length: int = 255
    outstanding: int = 20_000_000
    """Predictions, and labels, that one shard remembers at a time (about 30 bytes each in memory, 24 in Redis)."""


@dataclass(frozen=True)
class ShardConfig:
    """Rules of event time for every shard; see `docs` on time for what each decides.

    Parameters
    ----------
    lateness_ms
        A row younger than the newest event time minus this is on time; a model may declare its own.
    retention_ms
        Rows older than their watermark by more than this are dropped and counted; profiles leave then too.
    max_skew_ms
        A timestamp further ahead of the broker's clock is clamped; never more than the lateness is used.
    label_skew_ms
        A label may be this much older than its prediction, because two clocks disagree.
    bucket_ms
        Width of the join log's buckets in Redis, which expire whole.
    idle_ms
        A shard at the end of both logs for this long goes on by the wall clock; None: never (replays).
    publish_ms
        Least time between two snapshots of one open pane; a tenth of the pane's width when that is longer.
    """

    lateness_ms: int = 10_000
    retention_ms: int = 3_600_000
    max_skew_ms: int = 10_000
    label_skew_ms: int = 10_000
    bucket_ms: int = 3_600_000
    idle_ms: int | None = 30_000
    publish_ms: int = 5_000
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Cadence:
    """How often what happens, in seconds of the wall clock: cost and freshness, never the answer."""

    checkpoint_seconds: float = 0.5
    max_checkpoint_seconds: float = 5.0
    max_checkpoint_share: float = 0.1
    """Share of the thread's time that checkpoints of all shards may take before they become rarer."""
    closing_seconds: float = 0.2
    watermark_seconds: float = 1.0
    commit_seconds: float = 5.0
    park_seconds: float = 30.0
    store_deadline_seconds: float = 2.0
    """How long one attempt at Redis may take before the shard is paused and the consumer polled again."""
    stop_seconds: float = 4.0
    learn_wait_seconds: float = 300.0
    """How long a fast replay waits for the grids of a model that is learnt, from the end of its sample on."""


@dataclass(frozen=True)
class ProfilerConfig:
    """Where the profiler reads, writes and keeps its state.

    Parameters
    ----------
    kafka
        librdkafka's settings (`bootstrap.servers` and security); both clients get them.
    group
        Consumer group; its commits are advisory, for lag tools.
    worker
        Name of this worker in watermark reports.
    group_protocol
        "classic" (range assignor, eager) or "consumer" (KIP-848 with the range assignor on the broker).
    batch
        Most messages taken at once.
    chunk, gather_seconds
        Messages of one partition that are counted at once (decoded they should stay in the processor's cache), and how
        long fewer of them wait for more: a few messages cost hardly less than a few hundred.
    max_ahead_ms
        Event time by which one topic may run ahead of the other while that one has unread rows.
    max_unread_bytes
        For an embedded broker that drops what nobody read in time: how far the profiles may be ahead of
        `monitor_group`'s committed offsets. None: no bound.
    cold_start
        Go on without state, or records, that are lost; else the profiler ends with LostStateError.
    """

    kafka: Mapping[str, str]
    topics: TopicNames = field(default_factory=TopicNames)
    group: str = "tidegauge-profiler"
    monitor_group: str = "tidegauge-monitor"
    worker: str = "worker"
    group_protocol: str = "classic"
    batch: int = 4_000
    chunk: int = 2_000
    gather_seconds: float = 0.2
    poll_seconds: float = 0.05
    max_ahead_ms: int = 3_600_000
    max_backlog_bytes: int = 32 * MEGABYTE
    max_unread_bytes: int | None = None
    cold_start: bool = False
    shard: ShardConfig = field(default_factory=ShardConfig)
    cadence: Cadence = field(default_factory=Cadence)
