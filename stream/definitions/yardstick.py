"""How small a change healthy blocks allow to be seen, in one window and when it lasts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from detectors.blocks import BlockReference
from detectors.run_length import cusum_limit
from stream.monitor.budget import Allowance
from stream.monitor.memory import windows_needed

LASTING_BLOCKS: Final = 7
"""A change that lasts: a week of daily blocks."""

_K: Final = 1.0
_CLIP: Final = 3.0


@dataclass(frozen=True)
class Yardstick:
    """Smallest detectable changes of one statistic, in its unit; NaN where the blocks cannot say.

    Parameters
    ----------
    blocks
        How many blocks were known.
    calibrated
        Enough of them to page on; otherwise results are reported, and never alert.
    mean
        Over the blocks.
    lower, upper
        Where a healthy window lies.
    sudden, windows
        Change that a window test sees, in how many disjoint windows in a row.
    lasting
        Change that a CUSUM sees within `LASTING_BLOCKS` windows; infinite when its limit is out of reach by then.
    """

    blocks: int
    calibrated: bool
    mean: float
    lower: float
    upper: float
    sudden: float
    windows: int
    lasting: float

    def __str__(self) -> str:
        """Return it as `apply` prints it."""
        if math.isnan(self.lower):
            return f"known in {self.blocks} of them, too few to alert"
        if not self.sudden:
            return f"healthy {number(self.mean)} always; sees every change"
        healthy = f"healthy {number(self.lower)} to {number(self.upper)}"
        if not self.calibrated:
            return f"{healthy}; too few blocks of each phase to alert"
        lasting = "" if math.isinf(self.lasting) else f", of {number(self.lasting)} that lasts {LASTING_BLOCKS} windows"
        return f"{healthy}; sees a change of {number(self.sudden)} in {in_windows(self.windows)}{lasting}"


def in_windows(count: int) -> str:
    """Return "one window", "3 windows in a row"."""
    return "one window" if count == 1 else f"{count} windows in a row"


def number(value: float) -> str:
    """Return three digits of a small number, all before the point of a large one."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def yardstick(values: Sequence[float], phases: Sequence[int] | None, allowance: Allowance) -> Yardstick:
    """Measure how much the blocks differ, and what they hide.

    Parameters
    ----------
    values
        The statistic of each block, in order; NaN for one that is not known.
    phases
        Phase of each block; None: all are alike.
    allowance
        What may be spent on false alarms.

    Notes
    -----
    Sudden: the Student-t prediction bound of `BlockReference`; far beyond it one window is enough. Lasting: a shift of
    z standard deviations adds z - 1 to the sum with every block, so it is seen within w blocks from z = 1 + h / w on
    (z clipped at 3).
    """
    reference = BlockReference(values, phases=phases)
    phase = None if phases is None else int(phases[-1])
    lower, upper = reference.interval(2 * min(allowance.alpha, 0.49), phase)
    return Yardstick(
        blocks=reference.blocks,
        calibrated=reference.calibrated,
        mean=reference.expected(phase),
        lower=lower,
        upper=upper,
        sudden=upper - reference.expected(phase),
        windows=windows_needed(allowance.alpha, reference.blocks),
        lasting=_lasting(reference, phase, allowance.run_blocks),
    )


def _lasting(reference: BlockReference, phase: int | None, run_blocks: float) -> float:
    if reference.df < 1:
        return math.nan
    limit = cusum_limit(
        run_blocks, k=_K, clip=_CLIP, df=reference.df, blocks=reference.blocks, rho=reference.rho, two_sided=False
    )
    z = _K + limit / LASTING_BLOCKS
    return z * reference.prediction_sd(phase) if z <= _CLIP else math.inf
