"""A sign of life that means progress: a loop notes each of its turns, others ask how long ago the last one was."""

import time
from collections.abc import Callable


class Pulse:
    """When a loop last made a turn; beaten by one thread, read by any.

    Parameters
    ----------
    name
        Whose it is, for messages.
    clock
        Monotonic seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._at: float | None = None

    def beat(self) -> None:
        """Note a turn."""
        self._at = self._clock()

    def rest(self) -> None:
        """Say that no more turns will come, in order."""
        self._at = None

    @property
    def last(self) -> float | None:
        """When the last turn was, by the clock; None before the first and after the end."""
        return self._at

    @property
    def silent_seconds(self) -> float:
        """How long ago the last turn was; 0 when none is due."""
        at = self._at
        return 0.0 if at is None else self._clock() - at
