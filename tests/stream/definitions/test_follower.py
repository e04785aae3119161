"""How a follower ends, without a topic."""

from typing import cast

from stream.definitions.follower import DefinitionFollower
from stream.definitions.reader import DefinitionReader
from stream.model.catalog import Catalog


class Broken:
    """A reader that reads nothing, and then fails as a bug does."""

    catalog = Catalog()

    def read_to_end(self, _: float) -> Catalog:
        return self.catalog

    def poll(self, _: float) -> bool:
        raise RuntimeError("a bug")

    def close(self) -> None:
        """Holds nothing."""


def test_a_bug_ends_a_follower_with_the_reason_too() -> None:
    follower = DefinitionFollower(cast("DefinitionReader", Broken()))
    follower.start()
    follower._thread.join(5)
    follower.stop()
    assert isinstance(follower.failure, RuntimeError)
