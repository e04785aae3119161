"""Whether the profiler gets on: since when it is held up, and since when messages wait of which none is read."""

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """Looked at once a second; seconds of a monotonic clock."""

    held_since: float | None = None
    waiting_since: float | None = None
    messages: int = 0

    def note(self, now: float, *, messages: int, unread: bool, held: bool) -> None:
        """Take in how many messages were read in all, whether any are left, and whether reading is held up."""
        self.held_since = (self.held_since if self.held_since is not None else now) if held else None
        moved = messages != self.messages
        self.messages = messages
        stands = unread and not moved
        self.waiting_since = (self.waiting_since if self.waiting_since is not None else now) if stands else None

    def held_seconds(self, now: float) -> float:
        """How long reading has been held up by now."""
        return 0.0 if self.held_since is None else now - self.held_since

    def waiting_seconds(self, now: float) -> float:
        """How long messages have waited, none of them read, by now."""
        return 0.0 if self.waiting_since is None else now - self.waiting_since
