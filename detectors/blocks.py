"""How much a model's own healthy blocks differ from each other: the yardstick of every decision.

Rows of real traffic are not independent: days, seasons and storms make daily values differ tens to hundreds of times
more than formulas for independent rows expect. So a window is judged against the spread of the reference's blocks
(windows of the same length, and of the same phase where there is a season), each block one observation.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from detectors.errors import LayoutError
from detectors.shares import Floats

MIN_CALIBRATED_DF: Final = 7
"""Degrees of freedom below which a bound is too wide or too lucky to page on: eight blocks of one phase."""

MAX_RHO: Final = 0.9
"""Largest autocorrelation believed: beyond it the blocks are no yardstick at all."""

_ROUNDING: Final = 1e-9
"""Spread, relative to the mean, that is taken for rounding: a constant must not alarm on its last bits."""


class BlockReference:
    """Mean and spread of a statistic over healthy blocks, and where the next block should lie.

    Parameters
    ----------
    values : array_like of shape (m,)
        The statistic of each block, in order of time. NaN: not known, left out (its neighbours are not treated as
        successive).
    weights : array_like of shape (m,) or None
        Rows of each block; a block with 0 rows is left out. Blocks count alike whatever their rows: what differs
        between days is far larger than what differs between rows.
    phases : array_like of int of shape (m,) or None
        Phase of each block in its season (weekday 0 to 6). Each phase has its own mean; the spread is pooled.
    row_variance : float, default=0.0
        Variance of one row, where it is known. A judged window with fewer rows than the blocks had is then allowed
        its larger sampling noise; one with more gets no credit.

    Attributes
    ----------
    blocks : int
        Blocks in use, m.
    df : int
        Blocks less phases: degrees of freedom of `sd`, 0 or more.
    mean, sd : float
        Mean over the blocks; standard deviation within phases (ddof: phases). NaN without blocks or freedom.
    rho : float
        Autocorrelation of successive blocks at lag 1, corrected for the bias of few blocks and clipped to [0, .9]; 0
        where it is not known.
    rows : float
        Sum of the weights (m without them).

    Raises
    ------
    LayoutError
        If `weights` or `phases` are not as long as `values`.

    Notes
    -----
    The next block lies at mean +- t(df) sd sqrt(1 + 1/m): the Student-t prediction interval, with m of the phase.
    O(m) time; O(m) memory while building, O(phases) afterwards.

    Examples
    --------
    >>> days = BlockReference([0.50, 0.52, 0.49, 0.51, 0.53, 0.47, 0.50, 0.50])
    >>> days.calibrated, round(days.z(0.60), 1)
    (True, 5.0)
    >>> [round(bound, 3) for bound in days.interval(0.01)]
    [0.434, 0.571]
    """

    def __init__(
        self,
        values: ArrayLike,
        weights: ArrayLike | None = None,
        phases: ArrayLike | None = None,
        *,
        row_variance: float = 0.0,
    ) -> None:
        y = np.array(values, dtype=np.float64)
        n = np.ones(y.shape) if weights is None else np.asarray(weights, dtype=np.float64)
        phase = np.zeros(y.shape, np.int64) if phases is None else np.asarray(phases, dtype=np.int64)
        if y.ndim != 1 or n.shape != y.shape or phase.shape != y.shape:
            raise LayoutError(f"{y.shape} values, {n.shape} weights and {phase.shape} phases do not fit together")
        y[~(np.isfinite(y) & (n > 0))] = np.nan
        used = ~np.isnan(y)
        self._seasonal = phases is not None
        self._phases = _phase_means(y[used], phase[used])
        self.blocks = int(used.sum())
        self.df = self.blocks - len(self._phases)
        self.rows = float(n[used].sum())
        self.mean = float(y[used].mean()) if self.blocks else float("nan")
        means = np.array([self._phases[int(p)][0] if u else np.nan for p, u in zip(phase, used, strict=True)])
        residuals = y - means
        self.sd = _pooled_sd(residuals[used], self.df, self.mean)
        self.rho = _autocorrelation(residuals, one_mean=not self._seasonal)
        self._row_variance = row_variance if weights is not None else 0.0
        self._inverse_rows = float((1 / n[used]).mean()) if self.blocks else 0.0

    @property
    def calibrated(self) -> bool:
        """Whether there are blocks enough to page on: at least seven degrees of freedom."""
        return self.df >= MIN_CALIBRATED_DF

    def expected(self, phase: int | None = None) -> float:
        """Mean of the phase's blocks; NaN for a phase the reference has not seen."""
        return self._of(phase)[0]

    def prediction_sd(self, phase: int | None = None, n: float | None = None) -> float:
        """Give the standard deviation of the next block about :meth:`expected`, the latter's own error included.

        Parameters
        ----------
        phase : int or None
            Phase of the judged block; needed if, and only if, the reference has phases.
        n : float or None
            Rows of the judged block, for its sampling noise (see `row_variance`).
        """
        m = self._of(phase)[1]
        if not m or self.df < 1:
            return float("nan")
        extra = self._row_variance * max(0.0, 1 / n - self._inverse_rows) if n else 0.0
        return float(np.sqrt((self.sd**2 + extra) * (1 + 1 / m)))

    def z(self, value: float, phase: int | None = None, n: float | None = None) -> float:
        """Block-standardised `value`: in units of :meth:`prediction_sd`.

        NaN when the reference cannot say (unknown phase, too few blocks) or `value` is NaN; when all blocks were
        equal, 0 for their value (rounding apart) and infinite for any other. Student-t distributed with `df` for a
        healthy block.
        """
        expected = self.expected(phase)
        distance = value - expected
        sd = self.prediction_sd(phase, n)
        if np.isnan(sd) or np.isnan(distance):
            return float("nan")
        if sd > 0:
            return float(distance / sd)
        rounding = _ROUNDING * max(abs(self.mean), abs(expected))
        return 0.0 if abs(distance) <= rounding else float(np.copysign(np.inf, distance))

    def interval(self, alpha: float, phase: int | None = None, n: float | None = None) -> tuple[float, float]:
        """Bounds that a healthy block leaves, on either side together, with probability `alpha`; NaN if not known."""
        expected, margin = self.expected(phase), self._margin(alpha / 2, phase, n)
        return expected - margin, expected + margin

    def upper_bound(self, alpha: float, phase: int | None = None, n: float | None = None) -> float:
        """Bound that a healthy block exceeds with probability `alpha` in (0, 1); NaN if not known."""
        return self.expected(phase) + self._margin(alpha, phase, n)

    def lower_bound(self, alpha: float, phase: int | None = None, n: float | None = None) -> float:
        """Bound below which a healthy block lies with probability `alpha` in (0, 1); NaN if not known."""
        return self.expected(phase) - self._margin(alpha, phase, n)

    def _margin(self, alpha: float, phase: int | None, n: float | None) -> float:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha {alpha:g} is outside (0, 1)")
        if self.df < 1:
            return float("nan")
        return -float(stdtrit(self.df, alpha)) * self.prediction_sd(phase, n)

    def _of(self, phase: int | None) -> tuple[float, int]:
        """Mean and number of the blocks of `phase`."""
        if self._seasonal != (phase is not None):
            raise ValueError("a phase is needed if, and only if, the reference has phases")
        return self._phases.get(phase or 0, (float("nan"), 0))


def _phase_means(values: Floats, phases: NDArray[np.int64]) -> dict[int, tuple[float, int]]:
    """Mean and number of the values of each phase."""
    groups = {int(phase): values[phases == phase] for phase in np.unique(phases)}
    return {phase: (float(group.mean()), group.size) for phase, group in groups.items()}


def _pooled_sd(residuals: Floats, df: int, mean: float) -> float:
    """Pool the standard deviation within phases; 0 when it is no more than rounding."""
    if df < 1:
        return float("nan")
    sd = float(np.sqrt(residuals @ residuals / df))
    return sd if sd > _ROUNDING * abs(mean) else 0.0


def _autocorrelation(residuals: Floats, *, one_mean: bool) -> float:
    """Lag-1 autocorrelation of residuals with gaps (NaN), clipped to [0, MAX_RHO].

    Residuals from their own mean understate it by (1 + 4 rho) / m (Kendall 1954): at 28 blocks .39 is seen where .5
    is true, and false alarms come three times as often as promised. Means of phases hardly correlate with the
    successor's, and need no correction.
    """
    known = residuals[~np.isnan(residuals)]
    spread = float(known @ known)
    products = residuals[1:] * residuals[:-1]
    if not spread > 0 or np.all(np.isnan(products)):
        return 0.0
    rho = float(np.nansum(products)) / spread
    if one_mean and known.size > 4:
        rho = (known.size * rho + 1) / (known.size - 4)
    return float(np.clip(rho, 0.0, MAX_RHO))
