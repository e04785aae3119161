"""What may go wrong in one history, and how often: each seed draws a few faults of its own, some of them heavy."""

import random
from dataclasses import dataclass, fields


class InvariantError(AssertionError):
    """An invariant does not hold."""


class Crashed(BaseException):
    """The process is killed here; nothing may catch it, least of all `except Exception`."""


@dataclass(frozen=True)
class Faults:
    """Probabilities: of a store call (`refused`, `ambiguous`, `late`), of any I/O (`crash_in_io`, `stall_in_io`), of a
    message on its way (`send_fails`, `report_lost`), of a step of the schedule (the rest).
    """

    refused: float = 0.0
    """The store does not answer and has not executed the call."""
    ambiguous: float = 0.0
    """It has executed the call; the answer is lost."""
    late: float = 0.0
    """No answer; the call arrives later, when others may have been there."""
    crash_in_io: float = 0.0
    stall_in_io: float = 0.0
    """Stopped there, beyond the session's timeout, while the others go on."""
    send_fails: float = 0.0
    report_lost: float = 0.0
    """The message is in the log, its sender hears a failure."""
    queue_full: float = 0.0
    flush_fails: float = 0.0
    reads_again: float = 0.0
    crash: float = 0.0
    join: float = 0.0
    leave: float = 0.0
    rebalance: float = 0.0
    sleeps_through: float = 0.0
    """Of members in a rebalance: those who do not hear of it, and go on as zombies."""
    failover: float = 0.0
    pause: float = 0.0


HEAVY = Faults(
    refused=0.2, ambiguous=0.4, late=0.25, crash_in_io=0.02, stall_in_io=0.12, send_fails=0.2, report_lost=0.2,
    queue_full=0.3, flush_fails=0.9, reads_again=0.3, crash=0.1, join=0.08, leave=0.06, rebalance=0.3,
    sleeps_through=0.9, failover=0.05, pause=0.1,
)  # fmt: skip
NONE = Faults()


def draw(rng: random.Random) -> Faults:
    """A third of all faults at a time, at up to their full rate: together they would drown each other."""
    share = rng.choice((0.15, 0.35, 0.6))
    rates = {f.name: getattr(HEAVY, f.name) * rng.random() if rng.random() < share else 0.0 for f in fields(Faults)}
    return Faults(**rates)
