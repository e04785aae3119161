"""An int64 array that gets longer; doubles, so that growing is O(1) an entry."""

import numpy as np

from stream.timeline.panes import Int64Array


class Growing:
    """The array; `fill` is what new entries are."""

    def __init__(self, fill: int) -> None:
        self._fill, self._size = fill, 0
        self._array = np.full(64, fill, dtype=np.int64)

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> Int64Array:
        """The array, in place."""
        return self._array[: self._size]

    def append(self, value: int) -> None:
        """Put a value at the end."""
        self.reach(self._size + 1)
        self._array[self._size - 1] = value

    def reach(self, size: int) -> None:
        """Make it at least so long."""
        if size > len(self._array):
            grown = np.full(max(size, 2 * len(self._array)), self._fill, dtype=np.int64)
            grown[: self._size] = self._array[: self._size]
            self._array = grown
        self._size = max(self._size, size)
