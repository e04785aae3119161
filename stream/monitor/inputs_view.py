"""What a reference says about the inputs of one segment over windows of one length."""

from collections.abc import Container, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.blocks import BlockReference
from detectors.cell_unions import Groups, unite
from detectors.chi_square import chi_square
from detectors.exact_sum import FRACTION_BITS
from detectors.grid import Grid
from detectors.leave_one_out import leave_one_out, log_reference
from detectors.shares import Floats
from detectors.total_variation import total_variation
from detectors.wasserstein import WassersteinReference
from stream.model.compiled import SCORE
from stream.monitor.reference_index import ReferenceIndex
from stream.monitor.subjects import EFFECT_BINS, MIN_SHARE, TEST_BINS, Subject, subjects_of
from stream.timeline.windows import WindowScheme

_ONE_BIN = 0.99
"""A block whose rows nearly all lie in one bin ..."""

_ELSEWHERE = 0.5
"""... while the other blocks' lie elsewhere: the clock decides this feature (weekday, hour), not the world."""

SCORE_MEAN = "mean"
"""Name of the value that a numeric subject's sequential detector watches; a categorical one has a name a category."""


class Healthy:
    """Rows of one subject that a window is compared with: all of the reference's, or those of one phase.

    Parameters
    ----------
    subject
        Which.
    counts
        int64[cells]: rows per cell.
    test_bins
        Bin of each cell in the significance test.
    """

    def __init__(self, subject: Subject, counts: NDArray[np.int64], test_bins: Groups) -> None:
        self.subject, self.counts, self.test_bins = subject, counts, test_bins

    @cached_property
    def effect_bins(self) -> Groups:
        """Bins of the effect sizes: deciles."""
        return self.subject.bins(self.counts, EFFECT_BINS)

    @cached_property
    def test_counts(self) -> Floats:
        """Rows per bin of the significance test."""
        return unite(self.counts, self.test_bins)

    @cached_property
    def effect_counts(self) -> Floats:
        """Rows per bin of the effect sizes."""
        return unite(self.counts, self.effect_bins)

    @cached_property
    def wasserstein(self) -> WassersteinReference | None:
        """What numbers are compared with; None for categories."""
        grid = self.subject.grid
        return WassersteinReference(self.counts, grid.edges) if isinstance(grid, Grid) else None


class SubjectView(Healthy):
    """One subject's reference.

    Parameters
    ----------
    subject
        Which.
    cells
        int64[blocks, cells]: rows per cell. Kept only as sums over blocks (of a phase), and over bins: blocks are many.
    values
        By name float64[blocks]: what sequential detectors watch.
    phases
        Phase of each block, None without a season.

    Attributes
    ----------
    blocks
        float64[blocks, bins]: rows per bin of the significance test.
    """

    def __init__(
        self,
        subject: Subject,
        cells: NDArray[np.int64],
        values: Mapping[str, Floats],
        phases: NDArray[np.int64] | None,
    ) -> None:
        counts: NDArray[np.int64] = cells.sum(axis=0)
        super().__init__(subject, counts, subject.bins(counts, TEST_BINS))
        self.phases = phases
        self.blocks = unite(cells, self.test_bins)
        self._values = values
        self._by_phase = {} if phases is None else _sums(cells, phases)
        self._last: tuple[int, Healthy] | None = None

    def healthy(self, phase: int | None) -> Healthy:
        """Return what a window of a phase is compared with: like with like; all rows where the phase is not known."""
        if phase is None or phase not in self._by_phase:
            return self
        if self._last is None or self._last[0] != phase:  # many windows of one phase are judged in a row
            counts = self._by_phase[phase].astype(np.int64)
            self._last = phase, Healthy(self.subject, counts, self.test_bins)
        return self._last[1]

    @cached_property
    def values(self) -> dict[str, BlockReference]:
        """By name the block means that sequential detectors watch: the mean, or the share of each category >= 5 %."""
        return {name: BlockReference(values, phases=self.phases) for name, values in self._values.items()}

    @cached_property
    def divergence(self) -> BlockReference:
        """Logarithm of each block's divergence from the others: how far healthy blocks lie apart."""
        return log_reference(self._divergences, self.phases)

    @cached_property
    def furthest(self) -> float:
        """Largest divergence of a healthy block; -inf where none is known."""
        return float(np.max(self._divergences, initial=-np.inf, where=~np.isnan(self._divergences)))

    @cached_property
    def clock_bound(self) -> bool:
        """Whether blocks differ so much from each other that only longer ones, or those of one phase, can be judged."""
        filled = self.blocks[self.blocks.sum(axis=1) > 0]
        if not filled.size or np.median(filled.max(axis=1) / filled.sum(axis=1)) < _ONE_BIN:
            return False
        distances = leave_one_out(_distance, self.blocks, self.phases)
        known = distances[~np.isnan(distances)]
        return bool(known.size and np.median(known) > _ELSEWHERE)

    @cached_property
    def _divergences(self) -> Floats:
        return leave_one_out(self._divergence, self.blocks, self.phases)

    def _divergence(self, others: Floats, block: Floats) -> float:
        return chi_square(others, block, ordered=self.subject.numeric).divergence if block.sum() else float("nan")


class InputsView:
    """Reference of the inputs of one segment for windows of one length.

    Parameters
    ----------
    index
        The reference's blocks.
    scheme
        The windows.
    segment
        Judged against its own blocks.

    Notes
    -----
    Made once for each reference, segment and length; the leave-one-out statistics (some milliseconds a subject) when
    a subject is first judged.
    """

    def __init__(self, index: ReferenceIndex, scheme: WindowScheme, segment: str) -> None:
        blocks = index.blocks(scheme)
        season = index.compiled.season
        self.scheme = scheme
        self.season = season
        self.seasonal = scheme.phases(season) > 1
        phases = np.array([scheme.phase(b.end_ms, season) for b in blocks], dtype=np.int64) if self.seasonal else None
        cells, scores = index.inputs(segment, blocks)
        self.rows = index.rows(segment, blocks)
        self.blocks = int(np.count_nonzero(self.rows))
        self.subjects = {
            subject.name: SubjectView(
                subject, cells[:, subject.cells], _values(subject, cells[:, subject.cells], scores), phases
            )
            for subject in subjects_of(index.compiled)
        }

    def phase(self, end_ms: int) -> int | None:
        """Return the phase of a window, None without a season."""
        return self.scheme.phase(end_ms, self.season) if self.seasonal else None

    @property
    def calibrated(self) -> bool:
        """Whether there are blocks enough to page on."""
        return any(value.calibrated for view in self.subjects.values() for value in view.values.values())


def subject_values(subject: Subject, counts: NDArray[np.int64]) -> dict[str, Floats]:
    """Return the values that sequential detectors watch, by name: float64[blocks] of int64[blocks, cells].

    A mean is taken over the cells' middles: counts are exact, so it is the same however the rows were split.
    """
    if subject.numeric:
        rows = counts[:, :-2].sum(axis=1)
        sums = (counts * subject.positions).sum(axis=1)
        return {SCORE_MEAN: np.divide(sums, rows, out=np.full(len(rows), np.nan), where=rows > 0)}
    rows = counts.sum(axis=1)
    shares = np.divide(counts, rows[:, None], out=np.full(counts.shape, np.nan), where=rows[:, None] > 0)
    return {name: shares[:, cell] for cell, name in _categories(subject)}


def score_mean(n: int, total: int) -> float:
    """Return the mean of an exact sum in units of 2**-24; NaN without scores."""
    return total / n / 2**FRACTION_BITS if n > 0 else float("nan")


def _values(subject: Subject, counts: NDArray[np.int64], scores: list[tuple[int, int]]) -> dict[str, Floats]:
    if subject.name == SCORE and subject.numeric:
        return {SCORE_MEAN: np.array([score_mean(*score) for score in scores])}
    totals = counts.sum(axis=0)
    common = totals >= MIN_SHARE * max(1, int(totals.sum()))
    watched = {SCORE_MEAN} if subject.numeric else {name for cell, name in _categories(subject) if common[cell]}
    values = subject_values(subject, counts)
    return {name: np.ascontiguousarray(values[name]) for name in values if name in watched}


def _categories(subject: Subject) -> Iterator[tuple[int, str]]:
    names = getattr(subject.grid, "names", ())
    return enumerate((*names, _apart_from(names, "unseen"), _apart_from(names, "missing")))


def _apart_from(names: Container[str], cell: str) -> str:
    """Return a special cell's name; a primed one where a category is called the same."""
    while cell in names:
        cell += "'"
    return cell


def _sums(cells: NDArray[np.int64], phases: NDArray[np.int64]) -> dict[int, NDArray[np.unsignedinteger]]:
    """Return rows per cell by phase, as narrow as they fit: the hours of a week are 168."""
    sums = {int(phase): cells[phases == phase].sum(axis=0) for phase in np.unique(phases)}
    return {phase: counts.astype(np.min_scalar_type(int(counts.max(initial=0)))) for phase, counts in sums.items()}


def _distance(others: Floats, block: Floats) -> float:
    return total_variation(others, block) if block.sum() else float("nan")
