"""How a regression did: absolute, squared and mean error, from exact sums."""

from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike

from detectors.errors import LayoutError
from detectors.exact_sum import FINE_BITS, FRACTION_BITS, ExactSum, sum_fine
from detectors.packing import Reader, Writer

_VERSION: Final = 2
_SUMS: Final = ("error", "absolute", "squared", "label", "label_squared")
_FIRST_FORMAT_BITS: Final = 31

LIMIT: Final = 2.0**63
"""Largest absolute value that counts: any whole number of 64 bits, and not the largest number of a format, which stands
for none."""


class RegressionOutcomes:
    """Predictions and their true values; can take rows back exactly.

    Attributes
    ----------
    n : int
        Rows counted.
    excluded : int
        Rows left out: NaN, infinite, or a value or an error beyond +-2**63.

    Notes
    -----
    Values are rounded to single precision first. All state is integers, see
    :class:`detectors.binary_outcomes.BinaryOutcomes`: sums in units of 2**-96, so that errors count from 4e-15 on
    (squares of the errors of rates and returns are far below what a single-precision score needs). 190 bytes or
    less; O(n).

    Examples
    --------
    >>> outcomes = RegressionOutcomes()
    >>> outcomes.update([1.0, 2.0, 3.0], [1.0, 4.0, 3.0])
    >>> result = outcomes.result()
    >>> result["bias"], result["mae"], result["rmse"] ** 2
    (-0.6666666666666666, 0.6666666666666666, 1.3333333333333333)
    """

    def __init__(self) -> None:
        self.excluded = 0
        self.n = 0
        self._sums = dict.fromkeys(_SUMS, 0)

    def update(self, predicted: ArrayLike, labels: ArrayLike, sign: int = 1) -> None:
        """Add rows, or take them back.

        Parameters
        ----------
        predicted, labels : array_like of shape (n,)
            Prediction and true value, in the same unit.
        sign : {1, -1}
            -1 takes back rows added before.

        Raises
        ------
        LayoutError
            If the lengths differ.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            said = np.asarray(predicted, dtype=np.float64).astype(np.float32).astype(np.float64).ravel()
            true = np.asarray(labels, dtype=np.float64).astype(np.float32).astype(np.float64).ravel()
            if said.shape != true.shape:
                raise LayoutError(f"{said.size} predictions and {true.size} labels")
            error = said - true
            usable = (np.abs(said) <= LIMIT) & (np.abs(true) <= LIMIT) & (np.abs(error) <= LIMIT)
        self.excluded += sign * int(said.size - usable.sum())
        error, true = error[usable], true[usable]
        self.n += sign * len(error)
        totals = sum_fine(np.stack([error, np.abs(error), error * error, true, true * true]))
        for name, total in zip(_SUMS, totals, strict=True):
            self._sums[name] += sign * total

    def _mean(self, name: str) -> float:
        return self._sums[name] / (self.n << FINE_BITS)

    def result(self, mean: float | None = None) -> dict[str, float]:
        """Every metric by name; NaN without rows.

        Parameters
        ----------
        mean : float or None
            What the constant predictor says; None: the mean of these very labels, the hardest to beat.

        Returns
        -------
        dict
            n, mae, rmse, bias (mean of prediction - label) in the label's unit; r2 (NaN for constant labels),
            mean_label, constant_rmse.
        """
        if self.n <= 0:
            names = ("mae", "rmse", "bias", "r2", "mean_label", "constant_rmse")
            return {"n": float(self.n)} | dict.fromkeys(names, float("nan"))
        # Never below zero, even where a row whose square the first format had rounded was taken back.
        squared, label = max(0.0, self._mean("squared")), self._mean("label")
        variance = max(0.0, self._mean("label_squared") - label**2)
        said = label if mean is None else mean
        return {
            "n": float(self.n),
            "mae": max(0.0, self._mean("absolute")),
            "rmse": float(np.sqrt(squared)),
            "bias": self._mean("error"),
            "r2": 1 - squared / variance if variance > 0 else float("nan"),
            "mean_label": label,
            "constant_rmse": float(np.sqrt(variance + (label - said) ** 2)),
        }

    def merge(self, other: Self) -> None:
        """Add the rows of `other`."""
        self.excluded += other.excluded
        self.n += other.n
        for name, total in other._sums.items():
            self._sums[name] += total

    def snapshot(self) -> bytes:
        """State as bytes; the first is the version of the format."""
        writer = Writer(_VERSION).integer(self.excluded).integer(self.n)
        for total in self._sums.values():
            writer.integer(total)
        return writer.finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """State from bytes. Raises SnapshotError if they are damaged or of a newer version."""
        reader = Reader(data, newest=_VERSION)
        outcomes = cls()
        outcomes.excluded = reader.integer()
        if reader.version == 1:
            outcomes._read_first_format(reader)
        else:
            outcomes.n = reader.integer()
            outcomes._sums = {name: reader.integer() for name in _SUMS}
        reader.finish()
        return outcomes

    def _read_first_format(self, reader: Reader) -> None:
        """Read sums in units of 2**-24, those of squares as a multiple of 2**31 and a rest."""
        sums = [ExactSum.from_snapshot(reader.blob()) for _ in range(7)]
        self.n = sums[0].n
        error, absolute, high, low, label, label_high, label_low = (total.total for total in sums)
        squared, label_squared = (high << _FIRST_FORMAT_BITS) + low, (label_high << _FIRST_FORMAT_BITS) + label_low
        coarse = (error, absolute, squared, label, label_squared)
        self._sums = {name: total << FINE_BITS - FRACTION_BITS for name, total in zip(_SUMS, coarse, strict=True)}
