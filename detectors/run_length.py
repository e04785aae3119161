"""How long a winsorised CUSUM runs without a false alarm, and the limit that makes it run as long as wanted."""

from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import chdtr, gammaincinv, ndtr

from detectors.blocks import MAX_RHO
from detectors.shares import Floats

DEFAULT_FLOOR: Final = 5.0
"""Least limit unless told: reference blocks are fewer, and less normal, than the calculation believes."""

LONGEST: Final = 1e12
"""Run lengths are cut here: what lies beyond is rounding, and weighs nothing in a rate."""

_STATES: Final = 64
_STEP: Final = 0.05
"""Limits are multiples of this: readable, and few enough to remember."""
_LARGEST: Final = 1600
_FIRST: Final = 128
"""Where the search begins, in steps: 6.4, about what a usual budget comes to."""
_SPREADS: Final = 24
_MEANS: Final = 9


def cusum_run_length(
    h: float,
    *,
    k: float = 1.0,
    clip: float = 3.0,
    df: int | None = None,
    blocks: int | None = None,
    two_sided: bool = True,
) -> float:
    """Compute the expected number of healthy blocks per false alarm of a winsorised CUSUM.

    Parameters
    ----------
    h : float
        Limit of the sum, positive.
    k, clip : float
        As of :class:`detectors.cusum.WinsorisedCusum`.
    df : int or None
        Degrees of freedom of the reference's standard deviation; None: mean and standard deviation are known.
    blocks : int or None
        Blocks of the reference; None: df + 1.
    two_sided : bool, default=True
        Both directions: half the run length of one.

    Returns
    -------
    float
        From 1 to `LONGEST` blocks. For independent, normal blocks.

    Notes
    -----
    Brook and Evans (1972): the sum as a Markov chain, here of 64 states, within 5 % of the integral equation. The
    error of the reference's mean and spread is the *same* in every step, so treating steps as independent Student-t
    values would promise far too much (28 blocks, h 5: 65 000 blocks where it is 7 000): the *rate* of alarms is
    averaged over the references that might have been drawn. 216 of them, O(states^2) each: up to 10 ms, remembered.
    """
    if not (h > 0 and 0 <= k < clip):
        raise ValueError(f"h > 0 and 0 <= k < clip expected, got h {h:g}, k {k:g}, clip {clip:g}")
    if df is not None and df < 1:
        raise ValueError(f"df {df} must be at least 1")
    rate = _alarm_rate(float(h), float(k), float(clip), df, blocks)
    return 1 / (rate * (2 if two_sided else 1))


def cusum_limit(
    arl_blocks: float,
    *,
    k: float = 1.0,
    clip: float = 3.0,
    df: int | None = None,
    blocks: int | None = None,
    rho: float = 0.0,
    two_sided: bool = True,
    floor: float = DEFAULT_FLOOR,
) -> float:
    """Smallest limit with at most one false alarm in `arl_blocks` healthy blocks.

    Parameters
    ----------
    arl_blocks : float
        Wanted run length in blocks, positive.
    k, clip, df, blocks, two_sided
        As of :func:`cusum_run_length`.
    rho : float, default=0.0
        Autocorrelation of successive blocks, in [0, .9]: the limit grows by (1 + rho) / (1 - rho), as the variance
        of a long sum of such blocks does. An approximation: at rho .5 and 28 blocks two thirds of the wanted run
        length are reached.
    floor : float, default=5.0
        Least limit. Small budgets would otherwise be met by limits of 2 or 3, which two blocks reach: the tails of
        real blocks are heavier than the calculation's, and one storm must not alarm.

    Returns
    -------
    float
        A multiple of .05 times the autocorrelation's factor, at least `floor`; at most 80 times that factor, where a
        reference of few blocks cannot promise the run length at any limit.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> cusum_limit(5000, two_sided=False, floor=0.0)  # a reference known exactly
    3.35
    >>> cusum_limit(5000, two_sided=False, floor=0.0, df=27)  # 28 days
    4.7
    """
    if not arl_blocks > 0 or not 0 <= rho <= MAX_RHO:
        raise ValueError(f"run length {arl_blocks:g} must be positive, rho {rho:g} in [0, {MAX_RHO}]")
    steps = _least_steps(arl_blocks, float(k), float(clip), df, blocks, two_sided=two_sided)
    return max(floor, round(steps * _STEP, 2) * ((1 + rho) / (1 - rho)))


@lru_cache(maxsize=1024)  # a worker asks for the same few for each of its features, segments and metrics
def _least_steps(
    arl_blocks: float, k: float, clip: float, df: int | None, blocks: int | None, *, two_sided: bool
) -> int:
    """Least limit, in steps, that runs as long as wanted; the largest one where none does."""

    def suffices(steps: int) -> bool:
        run = cusum_run_length(steps * _STEP, k=k, clip=clip, df=df, blocks=blocks, two_sided=two_sided)
        return run >= arl_blocks

    low, high = 0, _FIRST
    while high < _LARGEST and not suffices(high):
        low, high = high, min(2 * high, _LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


@lru_cache(maxsize=4096)  # a pure function of five numbers; a worker asks for the same few thousand times
def _alarm_rate(h: float, k: float, clip: float, df: int | None, blocks: int | None) -> float:
    """Average the alarms per block, on one side, over the references that might have been drawn."""
    if df is None:
        return float(1 / _run_lengths(h, k, clip, np.zeros(1), np.ones(1))[0])
    m = blocks or df + 1
    spread, spread_weight = _spread_nodes(df)
    mean, mean_weight = np.polynomial.hermite_e.hermegauss(_MEANS)
    # z = (x - estimated mean) / (estimated sd * sqrt(1 + 1/m)): P(z <= y) = Phi(y * scale + shift).
    scale = np.repeat(spread * np.sqrt(1 + 1 / m), _MEANS)
    shift = np.tile(mean / np.sqrt(m), spread.size)
    weight = np.outer(spread_weight, mean_weight / mean_weight.sum()).ravel()
    return float(weight @ (1 / _run_lengths(h, k, clip, shift, scale)))


def _spread_nodes(df: int) -> tuple[Floats, Floats]:
    """Estimated over true standard deviation: nodes and probabilities, dense where spreads are small."""
    ends = np.sqrt(2 * gammaincinv(df / 2, [1e-7, 0.9999]) / df)
    edges = np.geomspace(ends[0], ends[1], _SPREADS + 1)
    probability = np.diff(chdtr(df, df * edges**2))
    return np.sqrt(edges[1:] * edges[:-1]), probability / probability.sum()


def _run_lengths(h: float, k: float, clip: float, shift: Floats, scale: Floats) -> Floats:
    """Run length from a sum of 0, for each reference whose steps have P(z <= y) = Phi(y * scale + shift).

    Until its alarm the sum comes back to 0 again and again, so the run length is that of a cycle over the probability
    that it ends in an alarm: all terms are positive, and rare alarms are no difference of nearly equal numbers.
    """
    width = 2 * h / (2 * _STATES - 1)
    # The sum in state j lies within width / 2 of j * width; state 0 takes everything below.
    step = (np.arange(-_STATES, _STATES) + 0.5) * width + k
    below = ndtr(np.multiply.outer(step, scale) + shift)
    below[step >= clip] = 1.0
    below[step < -clip] = 0.0
    jump = np.diff(below, axis=0)
    visits = _visits(jump)
    # From state j an alarm is a jump of more than the states left above it.
    alarm = np.sum(visits * (1 - below[: _STATES - 1 : -1]), axis=0)
    lengths: Floats = np.clip(visits.sum(axis=0) / np.maximum(alarm, 1 / LONGEST), 1.0, LONGEST)
    return lengths


def _visits(jump: Floats) -> Floats:
    """Compute expected visits to each state in a cycle from state 0, which ends when it comes back or in an alarm.

    Parameters
    ----------
    jump : ndarray of shape (2 states - 1, chains)
        Probability of a jump from any state by 1 - states to states - 1 states.

    Returns
    -------
    ndarray of shape (states, chains)
        1 for state 0.

    Notes
    -----
    Visits v solve v_i = jump_i + sum over j > 0 of jump_(i-j) v_j: a Toeplitz system whose right side is made of its
    own entries, as the equations of Yule and Walker, so Durbin's (1960) recursion, here with a backward vector since
    jumps up and down differ, solves all chains at once in O(states^2) each.
    """
    centre = len(jump) // 2
    ups, downs = -jump[centre:], -jump[centre::-1]
    forward, backward = np.zeros_like(ups), np.zeros_like(ups)
    forward[0] = backward[0] = 1.0
    error = 1 + ups[0]
    for n in range(1, len(ups)):
        up = (ups[n:0:-1] * forward[:n]).sum(axis=0) / error
        down = (downs[1 : n + 1] * backward[:n]).sum(axis=0) / error
        before = forward[:n].copy()
        forward[1 : n + 1] -= up * backward[:n]
        backward[1 : n + 1] = backward[:n].copy()
        backward[0] = 0.0
        backward[:n] -= down * before
        error *= 1 - up * down
    return forward
