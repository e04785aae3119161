"""How a regression did: absolute, squared and mean error, from exact sums."""

from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError
from detectors.exact_sum import LIMIT, ExactSum
from detectors.packing import Reader, Writer

_VERSION: Final = 1
_SUMS: Final = ("error", "absolute", "squared_high", "squared_low", "label", "label_high", "label_low")


class RegressionOutcomes:
    """Predictions and their true values; can take rows back exactly.

    Attributes
    ----------
    excluded : int
        Rows left out: NaN, infinite, or a value or an error beyond +-2**31.

    Notes
    -----
    Values are rounded to single precision first. A square does not fit a fixed-point sum of 2**31, so it is summed
    as a multiple of 2**31 and a rest, both exact. All state is integers, see
    :class:`detectors.binary_outcomes.BinaryOutcomes`. 220 bytes or less; O(n).

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
        self._sums = {name: ExactSum() for name in _SUMS}

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
        self._sums["error"].update(error, sign)
        self._sums["absolute"].update(np.abs(error), sign)
        self._sums["label"].update(true, sign)
        self._add_squares("squared", error, sign)
        self._add_squares("label", true, sign)

    def _add_squares(self, name: str, values: NDArray[np.float64], sign: int) -> None:
        squares = values * values
        high = np.floor(squares / LIMIT)
        self._sums[f"{name}_high"].update(high, sign)
        self._sums[f"{name}_low"].update(squares - high * LIMIT, sign)

    def _mean_square(self, name: str) -> float:
        return self._sums[f"{name}_high"].mean * LIMIT + self._sums[f"{name}_low"].mean

    @property
    def n(self) -> int:
        """Rows counted."""
        return self._sums["error"].n

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
        squared, label = self._mean_square("squared"), self._sums["label"].mean
        variance = max(0.0, self._mean_square("label") - label**2)
        said = label if mean is None else mean
        return {
            "n": float(self.n),
            "mae": self._sums["absolute"].mean,
            "rmse": float(np.sqrt(squared)),
            "bias": self._sums["error"].mean,
            "r2": 1 - squared / variance if variance > 0 else float("nan"),
            "mean_label": label,
            "constant_rmse": float(np.sqrt(variance + (label - said) ** 2)),
        }

    def merge(self, other: Self) -> None:
        """Add the rows of `other`."""
        self.excluded += other.excluded
        for name, total in self._sums.items():
            total.merge(other._sums[name])

    def snapshot(self) -> bytes:
        """State as bytes; the first is the version of the format."""
        writer = Writer(_VERSION).integer(self.excluded)
        for total in self._sums.values():
            writer.blob(total.snapshot())
        return writer.finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """State from bytes. Raises SnapshotError if they are damaged or of a newer version."""
        reader = Reader(data, newest=_VERSION)
        outcomes = cls()
        outcomes.excluded = reader.integer()
        outcomes._sums = {name: ExactSum.from_snapshot(reader.blob()) for name in _SUMS}
        reader.finish()
        return outcomes
