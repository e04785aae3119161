"""What a monitor may be told, each default with its reason."""

from dataclasses import dataclass

from stream.timeline.durations import MS_PER_UNIT


@dataclass(frozen=True, kw_only=True)
class MonitorConfig:
    """Limits of what is judged.

    Parameters
    ----------
    rows_min, labelled_min
        Fewer predictions (labels) in a window: `insufficient`, never judged.
    retention_ms
        How long after its watermark a profiler still takes late rows: beyond it a window's late share is final.
    late_ratio
        Share of late rows above which `tidegauge.state` warns: the lateness setting does not fit the service.
    burn_events_min
        Fewest requests in the long window of a burn-rate pair: two errors of three requests are no outage.
    burn_bad_min
        Fewest bad ones among them.
    empty_blocks
        Blocks without a row after which what fired for a version or segment that is gone resolves.
    unowned_ms
        Wall clock after which a shard that nobody reports, or silence on all of them, is told as `tidegauge.state`.
    max_outbox
        Outputs held undelivered before `MonitorCore.advance` stops deciding: Kafka is away, memory is bounded.
    """

    rows_min: int = 200
    labelled_min: int = 100
    retention_ms: int = MS_PER_UNIT["h"]
    late_ratio: float = 0.01
    burn_events_min: int = 100
    burn_bad_min: int = 10
    empty_blocks: int = 3
    unowned_ms: int = 5 * MS_PER_UNIT["m"]
    max_outbox: int = 20_000
