"""What the Faust side needs of its neighbours, so that each can be replaced in a test."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from stream.model.catalog import Catalog
from stream.monitor.outputs import Output


class Core(Protocol):
    """Everything a monitor knows and decides about one partition of `profiles`: pure, and fast enough for a loop."""

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Put stored state back, before anything is applied."""

    def check(self) -> None:
        """Read what `load` left for later; ValueError for what cannot be read."""

    def apply(self, message: bytes) -> None:
        """Take in one message of the partition; DecodeError for bytes that are none, then nothing has changed."""

    def set_catalog(self, catalog: Catalog) -> None:
        """Go on with other definitions and references."""

    def steps(self) -> Iterable[Sequence[Output]]:
        """Decide everything that is due, a step at a time; outputs are in the outbox too, until they were delivered.

        Until the last step nothing else may be called but `pending` and `delivered`.
        """

    def watch(self, now_ms: int) -> Sequence[Output]:
        """Tell of what the wall clock shows; the outputs are in the outbox too."""

    def lose(self, text: str, now_ms: int) -> None:
        """Note what the partition goes on without, because a person asked for it."""

    @property
    def unowned(self) -> frozenset[int]:
        """Shards that nobody reports."""

    def dirty_fields(self) -> dict[bytes, bytes | None]:
        """Take the fields that changed since the last call; None deletes one."""

    def pending(self) -> Sequence[tuple[int, Output]]:
        """List the outputs not yet delivered, oldest first, numbered for ever."""

    def delivered(self, number: int) -> None:
        """Forget an output that was delivered."""


MakeCore = Callable[[int, Catalog], Core]


class Publisher(Protocol):
    """Sends outputs; calls back in the event loop, once for each."""

    def publish(self, output: Output, on_done: Callable[[bool], Any]) -> bool:
        """Start sending; `on_done` says whether it was acknowledged. False: the queue is full, ask again later."""


class StartOffsets(Protocol):
    """Who owns partitions of `profiles`, and where each goes on."""

    async def assign(self, log: Mapping[int, range], committed: Mapping[int, int] = ...) -> dict[int, int]:
        """Own the partitions whose records [start, stop) are in the log; the next offset of each.

        `committed` are the group's offsets, where there are any: a partition that has one had state.

        A partition that is owned already goes on where it stands; one that cannot be owned now (the store is away)
        starts at its end, and is sought back when it can.
        """

    def written(self, partition: int) -> int | None:
        """Next offset of a partition as the store holds it: no more may be committed."""

    async def release(self, partitions: set[int]) -> None:
        """Checkpoint and give up the partitions: another worker will take them over."""
