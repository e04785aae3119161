"""How long to insist on an answer, and which failures insisting can cure."""

from collections.abc import Iterator
from dataclasses import dataclass

from redis import exceptions

CURABLE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterError,
    exceptions.TryAgainError,
    OSError,
)
INCURABLE = (exceptions.AuthenticationError, exceptions.AuthorizationError)
# Some refusals have no class of their own: a failing disk, too few replicas, a script that hangs.
CURABLE_CODES = ("MISCONF", "NOREPLICAS", "BUSY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "OOM", "READONLY")


@dataclass(frozen=True)
class RetryPolicy:
    """Repeat until `deadline_seconds` after the first attempt, with pauses that double from `first` to `longest`.

    The deadline is short by default: whoever owns a shard must go on polling Kafka meanwhile, or lose the shard.
    """

    deadline_seconds: float = 2.0
    first_seconds: float = 0.05
    longest_seconds: float = 0.5

    def pauses(self) -> Iterator[float]:
        """Seconds to wait after each failure, without end."""
        pause = self.first_seconds
        while True:
            yield pause
            pause = min(2 * pause, self.longest_seconds)


def is_curable(error: Exception) -> bool:
    """Whether the same request may succeed later, unchanged."""
    if isinstance(error, INCURABLE):
        return False
    if isinstance(error, CURABLE):
        return True
    return isinstance(error, exceptions.ResponseError) and str(error).startswith(CURABLE_CODES)
