"""Exact test of a rare cell of two histograms, where a chi-square expects too few rows to be trusted."""

from dataclasses import dataclass
from math import ceil, exp, inf
from typing import Final

from scipy.special import gammaln

_NOTHING: Final = 1e-17
"""Part of a tail below which its further terms do not count."""


@dataclass(frozen=True, slots=True)
class RareCell:
    """One cell's rows in the smaller of two samples, given how many there are in both.

    Parameters
    ----------
    found : float
        The cell's rows in the smaller sample.
    cell : float
        Its rows in both.
    drawn, rows : float
        All rows of the smaller sample; of both.

    Notes
    -----
    Fisher (1935): hypergeometric given both margins, twice the smaller tail. A tail is a sum of terms that fall fast:
    few are expected, else the cell would not be rare. O(cell expected).

    Examples
    --------
    >>> tea = RareCell(found=3, cell=4, drawn=4, rows=8)
    >>> round(tea.p_value, 4)
    0.4857
    """

    found: float
    cell: float
    drawn: float
    rows: float

    @classmethod
    def of(cls, first: tuple[float, float], second: tuple[float, float]) -> "RareCell":
        """Take the lighter of two cells, each (rows in one sample, rows in the other)."""
        cell, other = sorted((first, second), key=sum)
        drawn, found = min((mine + others, mine) for mine, others in zip(cell, other, strict=True))
        return cls(found, sum(cell), drawn, sum(cell) + sum(other))

    @property
    def p_value(self) -> float:
        """Probability of a number as far from the expected one, for independent rows of one distribution."""
        above, below = self._from(self.found), 1 - self._from(self.found + 1)
        return min(1.0, 2 * max(0.0, min(above, below)))

    def critical(self, alpha: float) -> float:
        """Pearson's chi-square of the smallest excess whose p-value is at most `alpha`; inf if there is none."""
        expected = self.cell * self.drawn / self.rows
        found, most = float(ceil(expected)), min(self.cell, self.drawn)
        while found <= most and 2 * self._from(found) > alpha:
            found += 1
        if found > most:
            return inf
        apart = (found - expected) / self.drawn - (expected - found) / (self.rows - self.drawn)
        return apart**2 * self.drawn * (self.rows - self.drawn) / (self.cell * (1 - self.cell / self.rows))

    def _from(self, found: float) -> float:
        """Probability of `found` rows or more."""
        cell, drawn, left_over = self.cell, self.drawn, self.rows - self.cell - self.drawn
        found = max(found, 0.0, -left_over)
        if found > min(cell, drawn):
            return 0.0
        parts = (found, cell - found, drawn - found, left_over + found, self.rows)
        margins = (cell, self.rows - cell, drawn, self.rows - drawn)
        logs = gammaln([1 + count for count in (*margins, *parts)]).tolist()
        tail = term = exp(sum(logs[:4]) - sum(logs[4:]))
        while term > _NOTHING * tail and found < min(cell, drawn):
            term *= (cell - found) * (drawn - found) / ((found + 1) * (left_over + found + 1))
            found += 1
            tail += term
        return min(1.0, tail)
