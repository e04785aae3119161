"""Parts that were read lately stay decoded: a pane lies in many windows, each with many label ages."""

from collections.abc import Callable
from typing import Final

from stream.parts.keys import PartKey
from stream.parts.part import AnyPart

LIMIT: Final = 1024


class RecentParts:
    """The last 1 024 parts that were read or put; nobody may change them."""

    def __init__(self) -> None:
        # A dict keeps the order in which they were read last.
        self._parts: dict[PartKey, AnyPart] = {}

    def get(self, key: PartKey, load: Callable[[], AnyPart]) -> AnyPart:
        """Return a part, from `load` if it is not here; raises what `load` does."""
        part = self._parts.get(key)
        part = load() if part is None else part
        self.put(key, part)
        return part

    def put(self, key: PartKey, part: AnyPart) -> None:
        """Keep a part, and forget the one that was not read for longest."""
        self.drop(key)
        self._parts[key] = part
        if len(self._parts) > LIMIT:
            del self._parts[next(iter(self._parts))]

    def drop(self, key: PartKey) -> None:
        """Forget a part that changed, or is gone."""
        self._parts.pop(key, None)
