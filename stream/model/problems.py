"""What is wrong with a definition, all of it at once, each naming its key."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stream.errors import ConfigurationError


@dataclass(frozen=True)
class Problem:
    """One mistake.

    Parameters
    ----------
    key
        Path of the key, as in the file: "monitors[2].performance.metric".
    message
        What was expected, and the nearest valid name when there is one.
    """

    key: str
    message: str

    def __str__(self) -> str:
        """Return the line a person reads."""
        return f"{self.key}: {self.message}"


class DefinitionError(ConfigurationError):
    """A definition that cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return "; did you mean `x`?" for the closest of `valid`, or "" when none is close."""
    matches = difflib.get_close_matches(name, list(valid), n=1)
    return f"; did you mean `{matches[0]}`?" if matches else ""
