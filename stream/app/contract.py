"""What the Faust side needs of its neighbours, so that each can be replaced in a test."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from stream.model.catalog import Catalog
from stream.monitor.outputs import Output


class Core(Protocol):
    """Everything a monitor knows and decides about one partition of `profiles`: pure, and fast enough for a loop."""

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Put stored state back, before anything is applied."""

    def apply(self, message: bytes) -> None:
        """Take in one message of the partition; DecodeError for bytes that are none, then nothing has changed."""

    def set_catalog(self, catalog: Catalog) -> None:
        """Go on with other definitions and references."""

    def advance(self) -> Sequence[Output]:
        """Decide everything that is due; outputs are in the outbox too, until they were delivered."""

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

    async def assign(self, log: Mapping[int, range]) -> dict[int, int]:
        """Own the partitions whose records [start, stop) are in the log; the next offset of each.

        A partition that is owned already goes on where it stands; one that cannot be owned now (the store is away)
        starts at its end, and is sought back when it can.
        """

    async def release(self, partitions: set[int]) -> None:
        """Checkpoint and give up the partitions: another worker will take them over."""
