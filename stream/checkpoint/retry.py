"""How long to insist on an answer, and which failures insisting can cure."""

import re
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

_WITHIN_SCRIPT = re.compile(r"@user_script: \d+: -([A-Z]+) ")


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
    return isinstance(error, exceptions.ResponseError) and refusal_code(error) in CURABLE_CODES


def refusal_code(error: exceptions.RedisError) -> str:
    """Return the code a refusal begins with; that of a write within a script, where it was one.

    Redis 7 gives the latter as it is, Redis 6 in the midst of a text of its own:
    `ERR Error running script (call to f_1): @user_script:26: @user_script: 26: -READONLY You can't write ...`.
    """
    if isinstance(error, exceptions.ReadOnlyError):  # redis-py cuts off the codes that have a class
        return "READONLY"
    text = str(error)
    within = _WITHIN_SCRIPT.search(text)
    return within[1] if within else text.partition(" ")[0]
