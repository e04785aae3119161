"""Errors of checkpoints.

TidegaugeError
|-- StoreUnavailableError (UnreachableError)   Redis is away beyond the deadline: pause, commit the same delta later
|-- StateVersionError (LostStateError)         the state was written by a newer release: run that one
|-- StateLostError (LostStateError)            parts of the state are gone (evicted, deleted): a person decides
|-- TakenOverError                             another owner came while we loaded: the shard is theirs
`-- OwnershipError                             a bug in the caller: no takeover yet, or another delta is in doubt
"""

from typing import Final

from stream.errors import LostStateError, TidegaugeError, UnreachableError

ADVICE: Final = (
    "Mend the cause, restore Redis from a backup, or stop all workers and run `tidegauge rebuild`; or begin anew "
    "without what is lost: start one worker with --cold-start (docs/operations.md, When state is lost)"
)


class StoreUnavailableError(UnreachableError):
    """Redis did not answer, or would not write, until the deadline; the checkpoint may or may not have landed."""


class StateVersionError(LostStateError):
    """The state has a format newer than this release knows."""


class StateLostError(LostStateError):
    """The state is gone, not whole, or does not fit its log; `fact` says which, without the advice that follows."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact}. {ADVICE}")
        self.fact = fact


class TakenOverError(TidegaugeError):
    """Another owner took the shard over while it was being loaded."""


class OwnershipError(TidegaugeError):
    """The caller broke the order of things: takeover first; one delta at a time; a delta in doubt is repeated as is."""
