"""The worker's two pages: is it making progress, and how much."""

from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stream.app.health import Signs, problems
from stream.app.monitors import Monitors
from stream.profiler.status import ProfilerStatus
from stream.profiler.thread import ProfilerThread

Answer = tuple[int, bytes, str]
Page = Callable[[], Awaitable[Answer]]
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


def health_page(profiler: ProfilerThread, monitors: Monitors) -> Page:
    """Make /healthz: 200 while events are read and checkpoints land, 503 with the reasons when they do not for 10 s."""

    async def answer() -> Answer:
        status = profiler.status
        found = problems(
            Signs(
                profiler.alive,
                profiler.pulse.silent_seconds,
                status,
                monitors.behind_seconds,
                monitors.unowned_seconds,
            )
        )
        body = {
            "problem": "; ".join(found),
            "held": status.held,
            "shards": [shard.shard for shard in status.shards],
            "monitors": sorted(monitors.owned),
            "monitors_waiting": sorted(monitors.unowned),
        }
        return (503 if found else 200), orjson.dumps(body), "application/json"

    return answer


def metrics_page(profiler: ProfilerThread, monitors: Monitors) -> Page:
    """Make /metrics, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Worker(profiler, monitors))

    async def answer() -> Answer:
        return 200, generate_latest(registry), _TEXT

    return answer


class _Worker(Collector):
    """Reads the worker's status at each scrape: nothing is counted twice."""

    def __init__(self, profiler: ProfilerThread, monitors: Monitors) -> None:
        self._profiler = profiler
        self._monitors = monitors

    def collect(self) -> list[Metric]:
        """Make all metrics."""
        status = self._profiler.status
        return [*_totals(status), *_shards(status), *_monitors(self._monitors)]


def _totals(status: ProfilerStatus) -> list[Metric]:
    totals = status.totals
    values = (
        ("tidegauge_messages", "Messages read.", totals.messages),
        ("tidegauge_dead_letters", "Messages nobody could read.", totals.dead_letters),
        ("tidegauge_checkpoints", "Checkpoints that landed.", totals.checkpoints),
        ("tidegauge_checkpoint_seconds", "Time spent in checkpoints.", totals.checkpoint_seconds),
        ("tidegauge_checkpoint_bytes", "Bytes written by checkpoints.", totals.checkpoint_bytes),
        ("tidegauge_published_bytes", "Bytes of profiles published.", totals.published_bytes),
        ("tidegauge_takeovers", "Shards taken over.", totals.takeovers),
        ("tidegauge_fenced", "Shards lost to another owner.", totals.fenced),
        ("tidegauge_store_failures", "Attempts at Redis that failed.", totals.store_failures),
    )
    return [CounterMetricFamily(name, text, value=value) for name, text, value in values]


def _shards(status: ProfilerStatus) -> list[Metric]:
    newest = GaugeMetricFamily("tidegauge_shard_newest_timestamp_seconds", "Greatest event time.", labels=["shard"])
    idle = GaugeMetricFamily("tidegauge_shard_idle", "1: its watermarks move by the clock alone.", labels=["shard"])
    loss = GaugeMetricFamily(
        "tidegauge_shard_went_on_without", "1: state or records were lost in the last day.", labels=["shard"]
    )
    parts = GaugeMetricFamily("tidegauge_shard_profile_parts", "Profile parts in memory.", labels=["shard"])
    waiting = GaugeMetricFamily("tidegauge_shard_predictions_waiting", "Predictions not yet expired.", labels=["shard"])
    rows = CounterMetricFamily("tidegauge_rows", "Rows by what became of them.", labels=["shard", "topic", "outcome"])
    late = CounterMetricFamily("tidegauge_late_rows", "Rows accepted after their watermark.", labels=["shard", "topic"])
    missing = CounterMetricFamily(
        "tidegauge_values_missing", "Values that did not fit, taken as missing.", labels=["shard", "topic", "reason"]
    )
    folded = CounterMetricFamily(
        "tidegauge_names_folded", "Names beyond a limit, kept as __other__.", labels=["shard", "kind"]
    )
    for shard in status.shards:
        name = str(shard.shard)
        if shard.newest_ms >= 0:  # before the first event there is no time to tell
            newest.add_metric([name], shard.newest_ms / 1000)
        idle.add_metric([name], shard.idle)
        loss.add_metric([name], bool(shard.loss))
        parts.add_metric([name], shard.parts)
        waiting.add_metric([name], shard.predictions_waiting)
        for topic, counts in (("predictions", shard.predictions), ("labels", shard.labels)):
            rows.add_metric([name, topic, "accepted"], counts.accepted)
            for outcome, count in (*counts.dead.items(), *counts.dropped.items()):
                rows.add_metric([name, topic, outcome], count)
            late.add_metric([name, topic], counts.late)
            for reason, count in counts.noted.items():
                missing.add_metric([name, topic, reason], count)
        for kind, count in shard.overflowed.items():
            folded.add_metric([name, kind], count)
    return [newest, idle, loss, parts, waiting, rows, late, missing, folded]


def _monitors(monitors: Monitors) -> list[Metric]:
    owned = GaugeMetricFamily(
        "tidegauge_monitor_partitions", "Partitions of profiles owned.", value=len(monitors.owned)
    )
    waiting = GaugeMetricFamily(
        "tidegauge_monitor_partitions_waiting", "Partitions assigned, not yet owned.", value=len(monitors.unowned)
    )
    unowned = GaugeMetricFamily(
        "tidegauge_shards_unowned",
        "Shards that no worker reports, as the monitors here have heard.",
        value=len({shard for partition in monitors.owned.values() for shard in partition.unowned}),
    )
    return [owned, waiting, unowned]
