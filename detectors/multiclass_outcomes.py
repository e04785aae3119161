"""How a classifier of several classes did, from its confusion matrix."""

from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import LayoutError, SnapshotError
from detectors.packing import Reader, Writer

MAX_CLASSES: Final = 1000
"""Most classes: the matrix has their square of cells, 8 MB."""

_VERSION: Final = 1


class MulticlassOutcomes:
    """Confusion matrix of predicted and true classes; can take rows back exactly.

    Parameters
    ----------
    classes : int
        Declared classes, numbered from 0; 1 to 1000. Any other number is `other`, the class behind the last.

    Attributes
    ----------
    excluded : int
        Rows left out because the prediction or the label is NaN.

    Raises
    ------
    ValueError
        If `classes` is out of range.

    Notes
    -----
    Rows: true class, columns: predicted class. `other` predicted for `other` is no hit: what it is, is not known.
    All state is integers, see :class:`detectors.binary_outcomes.BinaryOutcomes`. 8 (classes + 1)^2 bytes.

    Examples
    --------
    >>> outcomes = MulticlassOutcomes(3)
    >>> outcomes.update([0, 1, 2, 1], [0, 1, 1, 1])
    >>> outcomes.result()["accuracy"], outcomes.result()["constant_accuracy"]
    (0.75, 0.75)
    """

    def __init__(self, classes: int) -> None:
        if not 1 <= classes <= MAX_CLASSES:
            raise ValueError(f"classes must be 1 to {MAX_CLASSES}, got {classes}")
        self.classes = classes
        self.excluded = 0
        self.confusion: NDArray[np.int64] = np.zeros((classes + 1, classes + 1), dtype=np.int64)

    def update(self, predicted: ArrayLike, labels: ArrayLike, sign: int = 1) -> None:
        """Add rows, or take them back.

        Parameters
        ----------
        predicted, labels : array_like of shape (n,)
            Class numbers; NaN: not known.
        sign : {1, -1}
            -1 takes back rows added before.

        Raises
        ------
        LayoutError
            If the lengths differ.
        """
        said = np.asarray(predicted, dtype=np.float64).ravel()
        true = np.asarray(labels, dtype=np.float64).ravel()
        if said.shape != true.shape:
            raise LayoutError(f"{said.size} predictions and {true.size} labels")
        known = ~(np.isnan(said) | np.isnan(true))
        self.excluded += sign * int(said.size - known.sum())
        width = self.classes + 1
        cells = self._codes(true[known]) * width + self._codes(said[known])
        self.confusion += sign * np.bincount(cells, minlength=width * width).reshape(width, width)

    def _codes(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        declared = (numbers >= 0) & (numbers < self.classes) & (numbers == np.floor(numbers))
        return np.where(declared, numbers, self.classes).astype(np.int64)

    @property
    def n(self) -> int:
        """Rows counted."""
        return int(self.confusion.sum())

    def result(self, constant_class: int | None = None) -> dict[str, float]:
        """Every metric by name; NaN where it is not defined.

        Parameters
        ----------
        constant_class : int or None
            What the constant predictor says; None: the most frequent class of these very rows.

        Returns
        -------
        dict
            n, accuracy, macro_f1 (mean over declared classes that were predicted or true), constant_accuracy,
            other (share of rows whose true class is not declared).
        """
        n = self.n
        if n <= 0:
            return {"n": float(n)} | dict.fromkeys(("accuracy", "macro_f1", "constant_accuracy", "other"), float("nan"))
        hits = self.confusion.diagonal()[:-1]
        true = self.confusion.sum(axis=1)
        either = (true + self.confusion.sum(axis=0))[:-1]
        f1 = 2 * hits[either > 0] / either[either > 0]
        constant = true[:-1].max() if constant_class is None else true[constant_class]
        return {
            "n": float(n),
            "accuracy": float(hits.sum()) / n,
            "macro_f1": float(f1.mean()) if f1.size else float("nan"),
            "constant_accuracy": float(constant) / n,
            "other": float(true[-1]) / n,
        }

    def merge(self, other: Self) -> None:
        """Add the rows of `other`. Raises LayoutError if the number of classes differs."""
        if self.classes != other.classes:
            raise LayoutError(f"outcomes of {self.classes} and of {other.classes} classes cannot be merged")
        self.excluded += other.excluded
        self.confusion += other.confusion

    def snapshot(self) -> bytes:
        """State as bytes; the first is the version of the format."""
        return Writer(_VERSION).integer(self.classes).integer(self.excluded).ints(self.confusion).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """State from bytes. Raises SnapshotError if they are damaged or of a newer version."""
        reader = Reader(data, newest=_VERSION)
        classes, excluded, cells = reader.integer(), reader.integer(), reader.ints()
        reader.finish()
        if not 1 <= classes <= MAX_CLASSES or cells.size != (classes + 1) ** 2:
            raise SnapshotError(f"damaged multiclass outcomes: {classes} classes, {cells.size} cells")
        outcomes = cls(classes)
        outcomes.excluded = excluded
        outcomes.confusion = cells.reshape(classes + 1, classes + 1)
        return outcomes
