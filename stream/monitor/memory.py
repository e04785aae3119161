"""What detectors remember between windows, as it is stored."""

import math
from dataclasses import dataclass

import msgspec

from detectors.blocks import BlockReference
from detectors.cusum import WinsorisedCusum
from detectors.run_length import cusum_limit
from stream.timeline.durations import DAY_MS
from tidegauge.alerts import Finding, Severity, Window

CLIP = 3.0
K = 1.0

FEW_BLOCKS = 10
"""Blocks in a row with too few rows after which nobody can tell whether what fired goes on; no less than ten days."""

IDLE_MS = 100 * DAY_MS
"""Silence after which detectors begin anew: longer than a quarter, for some models are run no more often."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One finding that holds: what moved, how loud, and the window that decided."""

    finding: Finding
    severity: Severity
    window: Window
    n: int
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """What one window says, for `WindowMemory`.

    Attributes
    ----------
    p_value, alpha
        Of a healthy window at least this far out; the level at which it counts.
    blocks
        Healthy blocks of the reference.
    large
        The effect is large enough to count.
    clears
        Far enough from alarming to end an episode.
    for_windows
        Disjoint windows in a row that the monitor was told to wait for.
    """

    p_value: float
    alpha: float
    blocks: int
    large: bool
    clears: bool
    for_windows: int = 1

    @property
    def exceeds(self) -> bool:
        """Whether the window is significant and its effect large."""
        return self.large and self.p_value <= self.alpha

    @property
    def certain(self) -> bool:
        """Whether the window lies so far out that one is enough."""
        return self.exceeds and self.for_windows == 1 and self.p_value <= self.alpha**2

    def fires(self, streak: int) -> bool:
        """Whether so many disjoint windows in a row are enough."""
        return self.certain or streak >= max(self.for_windows, windows_needed(self.alpha, self.blocks))


def windows_needed(alpha: float, blocks: int) -> int:
    """Return how many disjoint windows in a row must exceed a bound at `alpha`, where one is not far beyond it.

    So many that `blocks` healthy blocks alone, each as likely as the window to be the most extreme, make that as rare.
    """
    return max(1, math.ceil(math.log(alpha) / -math.log(blocks + 1) - 1e-9)) if blocks else 1


class WindowMemory(msgspec.Struct):
    """A window test's state: how many disjoint windows in a row exceeded, and whether it fires.

    m healthy blocks cannot say that something happens less often than once in m + 1 blocks: beyond that a bound relies
    on the shape of a tail nobody has seen, and one storm would page. So a level alpha takes as many windows in a row as
    make (m + 1)**-windows <= alpha, unless one window lies so far out (p <= alpha squared) that the shape does not
    matter.
    """

    streak: int = 0
    counted_ms: int = -(1 << 62)
    firing: bool = False
    since_ms: int = 0

    def step(self, window: Window, verdict: WindowVerdict) -> None:
        """Take the verdict on one window: enough disjoint ones in a row fire, one that clears resolves."""
        if self.firing:
            self.firing = not verdict.clears
        elif not verdict.exceeds:
            self.streak = 0
        elif window.start_ms >= self.counted_ms or not self.streak or verdict.certain:
            self.streak, self.counted_ms = self.streak + 1, window.end_ms
            self.since_ms = window.start_ms if self.streak == 1 else self.since_ms
            self.firing = verdict.fires(self.streak)
        if not self.firing and verdict.clears:
            self.streak = 0


class SubjectMemory(msgspec.Struct):
    """One subject's or metric's detectors.

    `cusums` are snapshots by the value they watch. `latched`: since a sequential detector began to fire, the effect
    has been large enough once, and not fallen below half of that. `few`: blocks in a row with too few rows to judge.
    """

    cusums: dict[str, bytes] = {}
    window: WindowMemory = msgspec.field(default_factory=WindowMemory)
    latched: bool = False
    unseen: bool = False
    few: int = 0

    @property
    def firing(self) -> bool:
        """Whether any detector fires."""
        return self.window.firing or self.latched or self.unseen

    def step(self, name: str, z: float, at_ms: int, limit: float, *, two_sided: bool = True) -> WinsorisedCusum:
        """Give a block's value to a sequential detector."""
        cusum = self.cusum(name, limit, two_sided=two_sided)
        cusum.update(z, at=at_ms)
        self.cusums[name] = cusum.snapshot()
        return cusum

    def cusum(self, name: str, limit: float, *, two_sided: bool = True) -> WinsorisedCusum:
        """Return a sequential detector as it stands, with today's limit."""
        data = self.cusums.get(name)
        if data is None:
            return WinsorisedCusum(K, limit, CLIP, two_sided=two_sided)
        cusum = WinsorisedCusum.from_snapshot(data)
        cusum.h = limit
        return cusum


class ScopeMemory(msgspec.Struct):
    """The detectors of one (version, segment, part, window length), and the reference they were run against.

    `layout` is how the rows that they took were counted, "" where an older release did not note it.
    `block_ms` is the end of the last block that sequential detectors took, `decided_ms` of the last window decided,
    `empty` the number of blocks without a row before it.
    """

    reference: str = ""
    empty: int = 0
    block_ms: int = -(1 << 62)
    decided_ms: int = -(1 << 62)
    subjects: dict[str, SubjectMemory] = {}
    layout: str = ""

    @property
    def last_ms(self) -> int:
        """End of the last window that detectors took, as far as is noted."""
        return max(self.block_ms, self.decided_ms)

    @property
    def firing(self) -> bool:
        """Whether any window test fires."""
        return any(subject.window.firing for subject in self.subjects.values())

    def wake(self, window: Window) -> None:
        """Forget everything before a window that comes after a long silence, whether or not it was dropped by then."""
        if self.last_ms + IDLE_MS < window.start_ms:
            self.empty, self.subjects = 0, {}

    def next_block(self, window: Window, *, whole: bool) -> bool:
        """Whether a window is disjoint from the last one that sequential detectors took; if so, it is that now."""
        if not whole or window.start_ms < self.block_ms:
            return False
        self.block_ms = window.end_ms
        return True

    def count_rows(self, rows: int, most_empty: int) -> None:
        """Count blocks without a row; after `most_empty` of them the detectors forget: that version is gone."""
        self.empty = 0 if rows else self.empty + 1
        if self.empty >= most_empty:
            self.subjects = {}

    def count_few(self, name: str, most: int) -> bool:
        """Count a block with too few rows to judge a subject; after `most` in a row it is forgotten, and that is true.

        A trickle of rows is no version that is gone, and no sign of health: what fired would fire for ever.
        """
        few = self.subject(name).few + 1
        if few >= most:
            self.subjects[name] = SubjectMemory()
        self.subject(name).few = few
        return few >= most

    def subject(self, name: str) -> SubjectMemory:
        """Return a subject's memory, a new one if need be."""
        return self.subjects.setdefault(name, SubjectMemory())

    def bind(self, reference: str, layout: str, *, trailing: bool = False) -> bool:
        """Forget everything when the reference was replaced: sums against another yardstick mean nothing.

        Nor do they where rows are counted otherwise: whether that is so is returned. A `trailing` reference follows one
        much like it every week, and ends nothing: no episode, and no sum, would last longer than that.
        """
        recounted = self.layout not in {"", layout}
        if recounted or (self.reference != reference and not trailing):
            self.empty, self.subjects = 0, {}
        self.reference, self.layout = reference, layout
        return recounted

    def forget(self, name: str) -> None:
        """Forget a subject: nothing can judge it any more."""
        self.subjects[name] = SubjectMemory()


def most_few(length_ms: int) -> int:
    """Return how many blocks in a row may have too few rows: quiet nights, weekends and holidays end no alert."""
    return max(FEW_BLOCKS, -(-FEW_BLOCKS * DAY_MS // length_ms))


def limit_of(blocks: BlockReference, run_blocks: float, *, two_sided: bool) -> float:
    """Return the limit of a sequential detector whose healthy run should last `run_blocks` blocks."""
    return cusum_limit(
        run_blocks,
        k=K,
        clip=CLIP,
        df=max(1, blocks.df),
        blocks=max(1, blocks.blocks),
        rho=blocks.rho,
        two_sided=two_sided,
    )
