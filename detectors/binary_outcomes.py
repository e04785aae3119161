"""How a binary classifier did: log loss, calibration, ranking and errors at a threshold, all from exact sums."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError, SnapshotError
from detectors.exact_sum import FRACTION_BITS, to_units
from detectors.packing import Reader, Writer
from detectors.score_bins import CALIBRATION_BINS, bin_of, binned_auc, score_edges, tenth_of, tenth_of_bins

CLIP: Final = 1e-6
"""Scores are this far from 0 and 1 in the log loss: one sure mistake costs 13.8, not everything."""

_VERSION: Final = 1
_SCALE: Final = 2.0**FRACTION_BITS
_MAX_CELLS: Final = 1 << 20
"""Cells of a common array at a time: 8 MB."""

Floats = NDArray[np.float64]


class BinaryOutcomes:
    """Scores, P(positive), with their outcomes; can take rows back exactly.

    Parameters
    ----------
    threshold : float, default=0.5
        A score at or above it predicts the positive class; compared in single precision, as scores are kept.
    bins : int, default=200
        Bins of the score for AUC, a multiple of 40 (see :func:`detectors.score_bins.score_edges`).

    Attributes
    ----------
    excluded : int
        Rows left out: NaN, a score outside [0, 1], or a label that is neither 0 nor 1.

    Raises
    ------
    ValueError
        If `bins` is no multiple of 40.

    Notes
    -----
    Scores are rounded to single precision first. All state is integers: ``update(rows, sign=-1)`` after
    ``update(rows)`` leaves the empty state, bit for bit, and merging in any order gives the same bytes. Losses are
    rounded to 2**-24; exact up to 10**11 rows. 3.3 kB, packed to what is filled. O(n log bins).

    Examples
    --------
    >>> outcomes = BinaryOutcomes()
    >>> outcomes.update([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 0])
    >>> result = outcomes.result()
    >>> result["n"], result["accuracy"], result["calibration"], result["brier"]
    (4.0, 0.75, -0.25, 0.1875)
    """

    def __init__(self, threshold: float = 0.5, bins: int = 200) -> None:
        self.threshold, self.bins = float(np.float32(threshold)), bins
        score_edges(bins)
        self.excluded = 0
        # Sums are in units of 2**-24, scores by tenth for the calibration error. All of [0, 1] fits 2**24 units, so a
        # batch's sums are exact in doubles.
        self._log_loss = self._squares = 0
        self._scores = np.zeros(CALIBRATION_BINS, dtype=np.int64)
        self._counts = np.zeros((2, bins), dtype=np.int64)
        self._confusion = np.zeros((2, 2), dtype=np.int64)

    def update(self, scores: ArrayLike, labels: ArrayLike, sign: int = 1) -> None:
        """Add rows, or take them back.

        Parameters
        ----------
        scores : array_like of shape (n,)
            P(positive), in [0, 1].
        labels : array_like of shape (n,)
            1 for positive, 0 for negative.
        sign : {1, -1}
            -1 takes back rows added before, here or in what will be merged.

        Raises
        ------
        LayoutError
            If the lengths differ.
        """
        p, y = np.ravel(np.asarray(scores, dtype=np.float64)), np.ravel(np.asarray(labels, dtype=np.float64))
        if p.shape != y.shape:
            raise LayoutError(f"{p.size} scores and {y.size} labels")
        if p.size:
            self.add_groups([self], p, y, np.full(p.size, sign, dtype=np.int64), np.array([0, p.size]))

    @classmethod
    def add_groups(
        cls,
        sketches: Sequence[Self],
        scores: Floats,
        labels: Floats,
        signs: NDArray[np.int64],
        bounds: NDArray[np.int64],
    ) -> None:
        """Add a group of rows to each of several sketches, or take rows back (sign -1).

        Parameters
        ----------
        scores, labels, signs
            Group after group.
        bounds
            Where the groups begin, and the number of rows: one more than sketches. None is empty.

        Raises
        ------
        LayoutError
            If thresholds or bins differ.
        """
        threshold, bins = sketches[0].threshold, sketches[0].bins
        if any((sketch.threshold, sketch.bins) != (threshold, bins) for sketch in sketches):
            raise LayoutError("binary outcomes of different thresholds or bins cannot be updated together")
        with np.errstate(over="ignore", under="ignore"):
            p = scores.astype(np.float32).astype(np.float64)
        usable = (p >= 0) & (p <= 1) & ((labels == 0) | (labels == 1))
        starts = bounds[:-1]
        if not usable.all():
            for sketch, left_out in zip(sketches, np.add.reduceat(signs * ~usable, starts).tolist(), strict=True):
                sketch.excluded += left_out
        # What is left out has weight 0 from here on.
        p, y, weights = np.where(usable, p, 0.0), labels == 1, signs * usable
        likelihood = np.clip(p, CLIP, 1 - CLIP)
        likelihood = np.where(y, likelihood, 1 - likelihood)
        losses = np.add.reduceat(weights * to_units(-np.log(likelihood)), starts).tolist()
        squares = np.add.reduceat(weights * to_units((p - y) ** 2), starts).tolist()
        owner = np.repeat(np.arange(len(sketches)), np.diff(bounds))
        # Sums of whole numbers far below 2**53: exact in doubles.
        tenths = _by_cell(owner, tenth_of(p), CALIBRATION_BINS, weights * to_units(p), len(sketches))
        confusion = _by_cell(owner, y * 2 + (p >= threshold), 4, weights, len(sketches))
        for index, sketch in enumerate(sketches):
            sketch._log_loss += losses[index]  # noqa: SLF001 - of its own class
            sketch._squares += squares[index]  # noqa: SLF001 - of its own class
            sketch._scores += tenths[index]  # noqa: SLF001 - of its own class
            sketch._confusion += confusion[index].reshape(2, 2)  # noqa: SLF001 - of its own class
        cells = y * bins + bin_of(p, bins)
        at_once = max(_MAX_CELLS // (2 * bins), 1)
        for first in range(0, len(sketches), at_once):
            some = sketches[first : first + at_once]
            rows = slice(int(bounds[first]), int(bounds[first + len(some)]))
            counts = _by_cell(owner[rows] - first, cells[rows], 2 * bins, weights[rows], len(some))
            for index, sketch in enumerate(some):
                sketch._counts += counts[index].reshape(2, bins)  # noqa: SLF001 - of its own class

    @property
    def n(self) -> int:
        """Rows counted."""
        return int(self._confusion.sum())

    @property
    def confusion(self) -> dict[str, int]:
        """Rows by outcome and prediction at the threshold: tp, fp, tn, fn."""
        (tn, fp), (fn, tp) = self._confusion.tolist()
        return {"tp": tp, "fp": fp, "tn": tn, "fn": fn}

    def result(self, prevalence: float | None = None) -> dict[str, float]:
        """Every metric by name; NaN where it is not defined.

        Parameters
        ----------
        prevalence : float or None
            What the constant predictor says; None: the share of positives of these very rows, the hardest to beat.

        Returns
        -------
        dict
            n; log_loss (nats), brier, calibration (mean outcome - mean score), accuracy, precision, recall, f1,
            roc_auc and roc_auc_bound (its binning error at most), ece (10 equal-width bins), prevalence, mean_score;
            constant_log_loss, constant_brier, constant_accuracy. Precision is NaN without a predicted positive,
            recall without a positive, not 0.
        """
        if self.n <= 0:
            return {"n": float(self.n)} | dict.fromkeys(_NAMES, float("nan"))
        negatives, positives = self._counts
        auc = binned_auc(negatives, positives)
        outcome = float(positives.sum()) / self.n
        score = float(self._scores.sum()) / _SCALE / self.n
        own = {
            "n": float(self.n),
            "log_loss": self._log_loss / _SCALE / self.n,
            "brier": self._squares / _SCALE / self.n,
            "calibration": outcome - score,
            "roc_auc": auc.value,
            "roc_auc_bound": auc.bound,
            "ece": self._calibration_error(),
            "prevalence": outcome,
            "mean_score": score,
        }
        return own | _at_threshold(**self.confusion) | _constant(outcome, prevalence, self.threshold)

    def _calibration_error(self) -> float:
        positives = np.bincount(tenth_of_bins(self.bins), weights=self._counts[1], minlength=CALIBRATION_BINS)
        return float(np.abs(positives - self._scores / _SCALE).sum()) / self.n

    def merge(self, other: Self) -> None:
        """Add the rows of `other`. Raises LayoutError if threshold or bins differ."""
        if (self.threshold, self.bins) != (other.threshold, other.bins):
            raise LayoutError("binary outcomes of different thresholds or bins cannot be merged")
        self.excluded += other.excluded
        self._log_loss += other._log_loss
        self._squares += other._squares
        self._scores += other._scores
        self._counts += other._counts
        self._confusion += other._confusion

    def snapshot(self) -> bytes:
        """State as bytes; the first is the version of the format."""
        writer = Writer(_VERSION).number(self.threshold).integer(self.bins).integer(self.excluded)
        writer.integer(self._log_loss).integer(self._squares)
        return writer.ints(self._scores).ints(self._counts).ints(self._confusion).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """State from bytes. Raises SnapshotError if they are damaged or of a newer version."""
        reader = Reader(data, newest=_VERSION)
        threshold, bins = reader.number(), reader.integer()
        if bins < 40 or bins % 40 or bins > 1 << 16:
            raise SnapshotError(f"damaged binary outcomes: {bins} bins")
        outcomes = cls(threshold, bins)
        outcomes.excluded = reader.integer()
        outcomes._log_loss, outcomes._squares = reader.integer(), reader.integer()
        for array in (outcomes._scores, outcomes._counts, outcomes._confusion):
            values = reader.ints()
            if values.size != array.size:
                raise SnapshotError(f"damaged binary outcomes: {values.size} cells where {array.size} belong")
            array[:] = values.reshape(array.shape)
        reader.finish()
        return outcomes


def _by_cell(
    owner: NDArray[np.int64], cells: NDArray[np.int64], width: int, weights: NDArray[np.int64], owners: int
) -> NDArray[np.int64]:
    """Sum of weights by (owner, cell)."""
    flat = np.bincount(owner * width + cells, weights=weights, minlength=owners * width)
    return flat.astype(np.int64).reshape(owners, width)


_NAMES: Final = (
    "log_loss", "brier", "calibration", "roc_auc", "roc_auc_bound", "ece", "prevalence", "mean_score",
    "accuracy", "precision", "recall", "f1", "constant_log_loss", "constant_brier", "constant_accuracy",
)  # fmt: skip


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _at_threshold(tp: int, fp: int, tn: int, fn: int) -> dict[str, float]:
    """Metrics of the confusion matrix."""
    return {
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def _constant(outcome: float, prevalence: float | None, threshold: float) -> dict[str, float]:
    """Score what always says `prevalence`; without one, the rows' own share and their more frequent class."""
    said = outcome if prevalence is None else prevalence
    clipped = min(1 - CLIP, max(CLIP, said))
    positive = outcome >= 0.5 if prevalence is None else said >= threshold
    return {
        "constant_log_loss": -float(outcome * np.log(clipped) + (1 - outcome) * np.log(1 - clipped)),
        "constant_brier": outcome * (1 - said) ** 2 + (1 - outcome) * said**2,
        "constant_accuracy": outcome if positive else 1 - outcome,
    }
