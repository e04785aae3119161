"""A store in memory."""

from stream.checkpoint.values import Delta, Loaded


class FakeStore:
    """Applies deltas as the Lua script does."""

    def __init__(self) -> None:
        self.fields: dict[bytes, bytes] = {}
        self.buckets: dict[str, bytes] = {}
        self.offsets: dict[str, int] = {}
        self.unpublished: dict[bytes, int] = {}
        self.seq = 0

    def commit(self, delta: Delta) -> int:
        self.seq += 1
        for name, value in delta.fields.items():
            if value is None:
                self.fields.pop(name, None)
            else:
                self.fields[name] = value
        for name, seq in delta.delivered.items():
            if self.unpublished.get(name, seq + 1) <= seq:
                del self.unpublished[name]
        self.unpublished.update(dict.fromkeys(delta.unpublished, self.seq))
        for name, records in delta.appends.items():
            self.buckets[name] = self.buckets.get(name, b"") + records
        for name in delta.dropped:
            self.buckets.pop(name, None)
        self.offsets.update(delta.offsets)
        return self.seq

    def load(self, epoch: int) -> Loaded:
        return Loaded(
            epoch, self.seq, dict(self.fields), dict(self.buckets), dict(self.offsets), dict(self.unpublished)
        )
