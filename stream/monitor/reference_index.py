"""A reference's profiles by segment and part."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.streams import ALL_ROWS
from stream.monitor.windows import empty_outcomes
from stream.parts.inputs import InputsPart
from stream.parts.outcome import OutcomePart
from stream.parts.part import AnyPart, load_part
from stream.parts.service import ServicePart
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Window
from tidegauge.profiles import Profile


class ReferenceIndex:
    """Blocks of a reference: what its panes sum to over windows of one length.

    Parameters
    ----------
    reference
        Profiles of final, on-time rows. Profiles of another layout than the compiled model's are not read.
    compiled
        The revision whose windows are compared with it.
    """

    def __init__(self, reference: Reference, compiled: CompiledModel) -> None:
        self.reference = reference
        self.compiled = compiled
        self._profiles: dict[tuple[str, str], list[Profile]] = {}
        self._left_out: dict[str, list[Profile]] = {}
        for profile in reference.profiles:
            if not profile.on_time:
                self._left_out.setdefault(profile.segment, []).append(profile)
            elif profile.layout == compiled.layouts.get(profile.part):  # type: ignore[call-overload]
                self._profiles.setdefault((profile.segment, profile.part), []).append(profile)

    @property
    def segments(self) -> tuple[str, ...]:
        """Segments with any profile, all rows first."""
        return tuple(sorted({segment for segment, _ in self._profiles} | {ALL_ROWS}))

    def blocks(self, scheme: WindowScheme) -> list[Window]:
        """Return the disjoint windows inside the time the reference covers."""
        return scheme.blocks(self.reference.start_ms, self.reference.end_ms)

    def inputs(self, segment: str, blocks: Sequence[Window]) -> tuple[NDArray[np.int64], list[tuple[int, int]]]:
        """Return int64[blocks, cells], and for each block (number of scores, exact sum of them in 2**-24)."""
        profiles, parts = self._parts(segment, "inputs")
        total = 0 if self.compiled.cell_layout is None else self.compiled.cell_layout.total
        cells = np.zeros((len(blocks), total), dtype=np.int64)
        scores = [(0, 0)] * len(blocks)
        for profile, part in zip(profiles, parts, strict=True):
            block = _block_of(profile, blocks)
            if block is not None and isinstance(part, InputsPart):
                cells[block] += part.cells.counts
                scores[block] = (scores[block][0] + part.score.n, scores[block][1] + part.score.total)
        return cells, scores

    def rows(self, segment: str, blocks: Sequence[Window]) -> NDArray[np.int64]:
        """Return int64[blocks]: predictions, from the service parts (else the inputs)."""
        part = "service" if (segment, "service") in self._profiles else "inputs"
        counts = np.zeros(len(blocks), dtype=np.int64)
        for profile, body in zip(*self._parts(segment, part), strict=True):
            block = _block_of(profile, blocks)
            if block is not None and isinstance(body, ServicePart | InputsPart):
                counts[block] += body.rows
        return counts

    def left_out(self, segment: str, blocks: Sequence[Window]) -> NDArray[np.bool_]:
        """Return bool[blocks]: whether rows of a block are not counted, because something drifted then."""
        found = np.zeros(len(blocks), dtype=np.bool_)
        for profile in self._left_out.get(segment, ()):
            first = bisect_right(blocks, profile.pane_start_ms, key=lambda block: block.end_ms)
            found[first : bisect_left(blocks, profile.pane_end_ms, key=lambda block: block.start_ms)] = True
        return found

    def outcomes(self, segment: str, blocks: Sequence[Window]) -> list[list[OutcomePart]]:
        """Return for each label-age rung, rising, the blocks' outcomes up to that age."""
        rungs = self.compiled.rungs_ms
        grid = [[empty_outcomes(self.compiled) for _ in blocks] for _ in rungs]
        for profile, part in zip(*self._parts(segment, "outcome"), strict=True):
            block = _block_of(profile, blocks)
            if block is not None and profile.age_ms in rungs and isinstance(part, OutcomePart):
                grid[rungs.index(profile.age_ms)][block].merge(part)
        return list(accumulate(grid, _merge_blocks))

    @property
    def has_outcomes(self) -> bool:
        """Whether the reference can be a baseline of performance."""
        return self.reference.held_out and any(part == "outcome" for _, part in self._profiles)

    def _parts(self, segment: str, part: str) -> tuple[list[Profile], list[AnyPart]]:
        profiles = self._profiles.get((segment, part), [])
        return profiles, [load_part(part, profile.body) for profile in profiles]


def _block_of(profile: Profile, blocks: Sequence[Window]) -> int | None:
    """Return the block that holds a pane; None for one that straddles or lies outside."""
    position = bisect_left(blocks, profile.pane_end_ms, key=lambda block: block.end_ms)
    inside = position < len(blocks) and blocks[position].start_ms <= profile.pane_start_ms
    return position if inside else None


def _merge_blocks(younger: list[OutcomePart], added: list[OutcomePart]) -> list[OutcomePart]:
    """Outcomes up to a rung: those up to the rung before, and what the rung itself adds."""
    for total, part in zip(added, younger, strict=True):
        total.merge(part)
    return added
