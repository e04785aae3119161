"""State as fields: what changed since it was last written."""


class Fields:
    """Fields that changed, for the checkpoint; None deletes.

    Everything the monitor keeps is written through here, so that state, outbox and input offset move in one call.
    """

    def __init__(self) -> None:
        self._dirty: dict[bytes, bytes | None] = {}

    def put(self, field: bytes, value: bytes) -> None:
        """Write a field."""
        self._dirty[field] = value

    def delete(self, field: bytes) -> None:
        """Remove a field."""
        self._dirty[field] = None

    def take(self) -> dict[bytes, bytes | None]:
        """Return what changed since the last call; the caller now answers for writing it."""
        taken, self._dirty = self._dirty, {}
        return taken
