"""The decisions both runners share: after a failure pause, or say what is wrong."""

from collections.abc import Callable

from redis import exceptions

from stream.checkpoint.errors import StateLostError, StoreUnavailableError
from stream.checkpoint.retry import RetryPolicy, is_curable
from stream.errors import UnreachableError


class Attempts:
    """Failures of one request, against a deadline.

    Parameters
    ----------
    policy : RetryPolicy
        Deadline and pauses.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, policy: RetryPolicy, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._policy = policy
        self._until = clock() + policy.deadline_seconds
        self._pauses = policy.pauses()

    def pause_after(self, error: Exception) -> float:
        """Seconds to wait before the next attempt.

        Raises
        ------
        StoreUnavailableError
            The deadline would pass.
        StateLostError
            Redis answered something that no healthy state explains.
        UnreachableError
            Redis refuses the credentials.
        """
        if not is_curable(error):
            raise _verdict(error) from error
        pause = next(self._pauses)
        if self._clock() + pause > self._until:
            raise StoreUnavailableError(
                f"Redis did not take a checkpoint within {self._policy.deadline_seconds:g} s ({error}); check redis.url"
            ) from error
        return pause


def _verdict(error: Exception) -> Exception:
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError):
        return UnreachableError(f"Redis refuses the credentials ({error}); check redis.url")
    if isinstance(error, exceptions.NoPermissionError):
        return UnreachableError(f"Redis refuses the command ({error}); the user needs read, write and scripting")
    return StateLostError(f"Redis answered what no healthy state explains: {error}")
