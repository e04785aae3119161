"""What was read of parts lately stays decoded: a pane lies in many windows, each with many label ages."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from stream.parts.keys import PartKey

LIMIT: Final = 1024

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values of the last 1 024 keys that were read or put; nobody may change them."""

    def __init__(self) -> None:
        # A dict keeps the order in which they were read last.
        self._values: dict[PartKey, Value] = {}

    def get(self, key: PartKey, load: Callable[[], Value]) -> Value:
        """Return a value, from `load` if it is not here; raises what `load` does."""
        value = self._values.get(key)
        value = load() if value is None else value
        self.put(key, value)
        return value

    def put(self, key: PartKey, value: Value) -> None:
        """Keep a value, and forget the one that was not read for longest."""
        self.drop(key)
        self._values[key] = value
        if len(self._values) > LIMIT:
            del self._values[next(iter(self._values))]

    def drop(self, key: PartKey) -> None:
        """Forget a value that changed, or is gone."""
        self._values.pop(key, None)
