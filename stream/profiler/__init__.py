"""Stage 1, the hot path: predictions and labels in, profiles out.

`ShardCore` is the whole of it without I/O; `ProfilerThread` is what a worker runs.
"""

from stream.profiler.config import Cadence, Limits, ProfilerConfig, ShardConfig
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.shard import ShardCore
from stream.profiler.status import ProfilerStatus, ShardStatus
from stream.profiler.thread import ProfilerThread

__all__ = [
    "Cadence",
    "DeadLetter",
    "Limits",
    "ProfilerConfig",
    "ProfilerStatus",
    "ProfilerThread",
    "RawBatch",
    "ShardConfig",
    "ShardCore",
    "ShardStatus",
]
