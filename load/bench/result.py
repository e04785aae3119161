"""What one run of one contestant came to."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """One measurement; `problem` says why there is none, or why it must not be believed.

    Parameters
    ----------
    messages
        Predictions and labels, each counted as one event.
    cpu_seconds
        Of the process, all threads.
    by_role
        The same by what threads are for, where that is known.
    more
        What else was measured: checkpoints, reports.
    """

    messages: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_rss_bytes: int = 0
    by_role: dict[str, float] = field(default_factory=dict)
    more: dict[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per event."""
        return self.cpu_seconds / self.messages * 1e6 if self.messages else 0.0

    @property
    def per_second(self) -> float:
        """Events per second of the wall clock."""
        return self.messages / self.wall_seconds if self.wall_seconds else 0.0

    def role_us(self, role: str) -> float:
        """CPU microseconds per event of one role."""
        return self.by_role.get(role, 0.0) / self.messages * 1e6 if self.messages else 0.0
