"""State in Redis that moves together with the input's offsets, under one owner: exactly once, whatever is killed.

Take a shard over (`SyncRunner`, `AsyncRunner`), commit deltas; `Landed`, `Fenced` or `Stale` says how each ended. The
protocol itself (`Ownership`) does no I/O. What Redis checks and writes is in the three Lua files beside this one.
"""

from stream.checkpoint.address import parse_address
from stream.checkpoint.async_runner import AsyncRunner
from stream.checkpoint.clients import AsyncStore, Store, connect, connect_async
from stream.checkpoint.errors import (
    OwnershipError,
    StateLostError,
    StateVersionError,
    StoreUnavailableError,
    TakenOverError,
)
from stream.checkpoint.names import ShardName
from stream.checkpoint.protocol import STATE_FORMAT, Ownership
from stream.checkpoint.retry import RetryPolicy
from stream.checkpoint.sync_runner import SyncRunner
from stream.checkpoint.values import Delta, Fenced, Landed, Loaded, Outcome, Resumed, Stale

__all__ = [
    "STATE_FORMAT",
    "AsyncRunner",
    "AsyncStore",
    "Delta",
    "Fenced",
    "Landed",
    "Loaded",
    "Outcome",
    "Ownership",
    "OwnershipError",
    "Resumed",
    "RetryPolicy",
    "ShardName",
    "Stale",
    "StateLostError",
    "StateVersionError",
    "Store",
    "StoreUnavailableError",
    "SyncRunner",
    "TakenOverError",
    "connect",
    "connect_async",
    "parse_address",
]
