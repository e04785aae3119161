"""The one exception to event time: at the end of both its logs a shard goes on by the wall clock, so silence alerts."""

from dataclasses import dataclass

from stream.profiler.schedule import Progress


@dataclass(slots=True)
class Silence:
    """Whether a shard is idle, and since when.

    Parameters
    ----------
    idle_ms
        How long a shard must have been quiet; None: never idle.
    """

    idle_ms: int | None
    _declared_ms: int | None = None
    _base: Progress | None = None

    @property
    def declared(self) -> bool:
        """Whether the shard is idle now."""
        return self._declared_ms is not None

    def end(self) -> None:
        """Note that a message came."""
        self._declared_ms = self._base = None

    def floors(self, wall_ms: int, quiet_since_ms: int | None, progress: Progress, lateness_ms: int) -> Progress | None:
        """Where both watermarks stand after silence until `wall_ms`; None while the shard is not idle.

        They go on from where they were, at the wall clock's rate. A topic that never had an event has nowhere to go on
        from: it stands where an event that came when the silence began would have put it.
        """
        if self.idle_ms is None or quiet_since_ms is None:
            self.end()
            return None
        if self._declared_ms is None or self._base is None:
            if wall_ms - quiet_since_ms < self.idle_ms:
                return None
            self._declared_ms = wall_ms
            start_ms = quiet_since_ms - lateness_ms
            both = (progress.predictions_ms, progress.labels_ms)
            self._base = Progress(*(start_ms if at_ms < 0 else at_ms for at_ms in both))
        passed_ms = max(wall_ms - self._declared_ms, 0)
        return Progress(self._base.predictions_ms + passed_ms, self._base.labels_ms + passed_ms)
