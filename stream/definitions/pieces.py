"""Slices that wait for the head that names them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_PENDING_BYTES: Final = 64_000_000
"""Writers that died before their head leave slices for ever: without a bound they would fill memory at every start."""


@dataclass
class Pieces:
    """Bytes by the hash of the slice that held them, the newest within `max_bytes`.

    What is dropped depends on the log alone, so all readers agree on which heads are complete.
    """

    max_bytes: int = MAX_PENDING_BYTES
    _bytes: int = 0
    _pieces: dict[str, bytes] = field(default_factory=dict)

    def add(self, slice_hash: str, piece: bytes) -> None:
        """Keep a piece; the oldest leave when there are too many."""
        self._drop(slice_hash)
        self._pieces[slice_hash] = piece
        self._bytes += len(piece)
        while self._bytes > self.max_bytes:
            self._drop(next(iter(self._pieces)))

    def get(self, slice_hashes: Iterable[str]) -> tuple[bytes, ...] | None:
        """Return the pieces in order, or None when one is missing."""
        found = tuple(self._pieces.get(slice_hash) for slice_hash in slice_hashes)
        return None if None in found else tuple(piece for piece in found if piece is not None)

    def discard(self, slice_hashes: Iterable[str]) -> None:
        """Forget pieces whose head was accepted; another head that needs them brings them again."""
        for slice_hash in slice_hashes:
            self._drop(slice_hash)

    def _drop(self, slice_hash: str) -> None:
        self._bytes -= len(self._pieces.pop(slice_hash, b""))
