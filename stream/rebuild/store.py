"""Where workers begin after a rebuild, written by the protocol of every checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stream.checkpoint import Delta, Landed, ShardName, Store, SyncRunner
from stream.errors import ConfigurationError

_ADVICE: Final = (
    "Is redis.url the right server's? If so, and its state is damaged or in part lost: stop all workers and rebuild "
    "with --discard, which drops it first"
)


@dataclass(frozen=True)
class Start:
    """One shard or partition as it begins: its state, and the next offsets by the names they are stored under."""

    name: ShardName
    offsets: Mapping[str, int]
    fields: Mapping[bytes, bytes]


def require_empty(store: Store, names: list[ShardName]) -> None:
    """Raise ConfigurationError when Redis holds a checkpoint of any of them."""
    held = [name for name in names if int(store.execute_command("HGET", name.meta, "seq") or 0)]
    if held:
        raise ConfigurationError(
            f"Redis holds state of {len(held)} of {len(names)} shards and partitions, the first {held[0].tag}: nothing "
            f"was rebuilt. {_ADVICE}"
        )


def write(store: Store, start: Start, *, discard: bool) -> None:
    """Write a state; `discard`: in place of what is there.

    Raises
    ------
    ConfigurationError
        A worker took it over meanwhile.
    UnreachableError
        Redis did not take it.
    """
    runner = SyncRunner(store, start.name)
    if discard:
        runner.forget()
    if runner.take_over().seq:
        raise ConfigurationError(f"somebody wrote {start.name.tag} meanwhile: stop all workers, then rebuild again")
    outcome = runner.commit(Delta(fields=dict(start.fields), offsets=dict(start.offsets)))
    if not isinstance(outcome, Landed):
        raise ConfigurationError(
            f"somebody took {start.name.tag} over meanwhile: stop all workers, then rebuild with --discard"
        )
