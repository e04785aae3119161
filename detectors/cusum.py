"""Winsorised CUSUM: the default sequential detector, one step per block."""

import math
import struct
from dataclasses import dataclass
from typing import Final, Self

from detectors.errors import SnapshotError

QUIET_BLOCKS: Final = 3
"""Successive quiet blocks that end an episode; waiting for the sum to decay would blame drift for weeks."""

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<Bddd?")
_SIDE: Final = struct.Struct("<d?Bq")
_NO_ONSET: Final = -(2**63)


@dataclass(slots=True)
class CusumSide:
    """One direction: its sum, and whether it is firing.

    Attributes
    ----------
    sum : float
        Sum of (z - k), never below 0; it goes on while firing, to show the size.
    firing : bool
        Above the limit once, and not yet quiet for long enough.
    quiet : int
        Successive quiet blocks while firing, 0 to 2.
    onset : int or None
        `at` of the block with which the sum last left 0: the likely beginning of the change.
    """

    sum: float = 0.0
    firing: bool = False
    quiet: int = 0
    onset: int | None = None

    def step(self, z: float, k: float, limit: float, at: int) -> bool:
        """Take one clipped value; whether this very block began an episode."""
        before = self.sum
        self.sum = max(0.0, before + z - k)
        if before == 0 < self.sum and not self.firing:
            self.onset = at
        if self.firing:
            self._calm_down(quiet=z <= k)
            return False
        self.firing = self.sum > limit
        return self.firing

    def _calm_down(self, *, quiet: bool) -> None:
        self.quiet = self.quiet + 1 if quiet else 0
        if self.quiet >= QUIET_BLOCKS:
            self.sum, self.firing, self.quiet, self.onset = 0.0, False, 0, None
        elif self.sum == 0 and not self.firing:
            self.onset = None


class WinsorisedCusum:
    """CUSUM of block-standardised values, each clipped, with the end of an episode built in.

    Parameters
    ----------
    k : float, default=1.0
        Allowance in standard deviations: shifts of 2 k are found fastest, those below k never. Not negative.
    h : float, default=5.0
        Limit of the sum; alarm above it. From :func:`detectors.run_length.cusum_limit`. Positive.
    clip : float, default=3.0
        Values are clipped to +-`clip`, so that one block, however wild, cannot alarm alone. Above `k`.
    two_sided : bool, default=True
        Watch falls too. One-sided watches rises: turn the sign of a metric so that harm is up.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Page (1954), with Winsorised steps. An episode begins when a sum exceeds `h` and ends after three successive
    blocks with z <= k on its side (-z <= k for falls); then its sum starts from 0. NaN (block not judged) changes
    nothing. O(1) time, 60 bytes.

    Examples
    --------
    A metric that is healthy for three days, then two standard deviations worse, then mended:

    >>> cusum = WinsorisedCusum(h=5.0)
    >>> days = [0.3, -1.0, 0.5, 2.5, 3.5, 2.8, 2.6, 0.2, -0.5, 0.1]
    >>> [cusum.update(z, at=day) for day, z in enumerate(days)].index(True)
    5
    >>> cusum.firing  # three quiet days have ended it
    False
    """

    def __init__(self, k: float = 1.0, h: float = 5.0, clip: float = 3.0, *, two_sided: bool = True) -> None:
        if not (0 <= k < clip and h > 0):
            raise ValueError(f"0 <= k < clip and h > 0 expected, got k {k:g}, clip {clip:g}, h {h:g}")
        self.k, self.h, self.clip, self.two_sided = float(k), float(h), float(clip), two_sided
        self.rise, self.fall = CusumSide(), CusumSide()

    def update(self, z: float, at: int = 0) -> bool:
        """Take the next block.

        Parameters
        ----------
        z : float
            Block-standardised value; infinite counts as the clip, NaN is skipped.
        at : int, default=0
            The block's time or number (64 bits), remembered as `onset`.

        Returns
        -------
        bool
            Whether an episode began with this block, on either side.
        """
        if math.isnan(z):
            return False
        clipped = min(self.clip, max(-self.clip, z))
        risen = self.rise.step(clipped, self.k, self.h, at)
        fallen = self.two_sided and self.fall.step(-clipped, self.k, self.h, at)
        return risen or fallen

    @property
    def up(self) -> float:
        """Sum of rises, 0 or more."""
        return self.rise.sum

    @property
    def down(self) -> float:
        """Sum of falls, 0 or more; always 0 when one-sided."""
        return self.fall.sum

    @property
    def value(self) -> float:
        """Larger of the two sums: what a report shows beside the limit."""
        return max(self.rise.sum, self.fall.sum)

    @property
    def firing(self) -> bool:
        """Whether an episode lasts, on either side."""
        return self.rise.firing or self.fall.firing

    @property
    def started(self) -> bool:
        """Whether a sum is above 0: something may be under way."""
        return self.value > 0

    @property
    def onset(self) -> int | None:
        """`at` of the block with which the firing side's sum (else the larger's) last left 0; None when both are 0."""
        sides = [side for side in (self.rise, self.fall) if side.firing] or [self.rise, self.fall]
        return max(sides, key=lambda side: side.sum).onset

    def reset(self) -> None:
        """Forget everything but the parameters, as after a change of the reference."""
        self.rise, self.fall = CusumSide(), CusumSide()

    def snapshot(self) -> bytes:
        """Parameters and state as bytes (62 of them, version first)."""
        parts = [_HEAD.pack(_VERSION, self.k, self.h, self.clip, self.two_sided)]
        for side in (self.rise, self.fall):
            onset = _NO_ONSET if side.onset is None else side.onset
            parts.append(_SIDE.pack(side.sum, side.firing, side.quiet, onset))
        return b"".join(parts)

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """State from bytes. Raises SnapshotError if they are damaged or of a newer version."""
        if len(data) != _HEAD.size + 2 * _SIDE.size or data[0] != _VERSION:
            raise SnapshotError(f"no CUSUM of version {_VERSION}: {len(data)} bytes, version {data[:1].hex()}")
        _, k, h, clip, two_sided = _HEAD.unpack_from(data)
        try:
            cusum = cls(k, h, clip, two_sided=two_sided)
        except ValueError as error:
            raise SnapshotError(f"damaged CUSUM: {error}") from None
        cusum.rise, cusum.fall = (_side_at(data, _HEAD.size + i * _SIDE.size) for i in range(2))
        return cusum


def _side_at(data: bytes, offset: int) -> CusumSide:
    total, firing, quiet, onset = _SIDE.unpack_from(data, offset)
    if not total >= 0 or quiet >= QUIET_BLOCKS:
        raise SnapshotError(f"damaged CUSUM: sum {total}, quiet {quiet}")
    return CusumSide(total, firing, quiet, None if onset == _NO_ONSET else onset)
