"""What the protocol asks of Redis: script calls and reads, all of them safe to repeat."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, Protocol

Argument = bytes | str | int
Reply = Any
"""What redis-py returns for a command, bytes not decoded: untyped there, judged by the protocol."""


@cache
def script_text(name: str) -> str:
    """Source of one of this package's Lua scripts."""
    return resources.files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")


@cache
def script_sha(name: str) -> str:
    """Name the script as EVALSHA wants it: the SHA-1 of its source."""
    return hashlib.sha1(script_text(name).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Call:
    """Run a script, atomically."""

    script: Literal["takeover", "stage", "checkpoint", "forget"]
    keys: tuple[str, ...]
    args: tuple[Argument, ...]

    @property
    def by_sha(self) -> tuple[Argument, ...]:
        """The command that runs the script if Redis knows it."""
        return ("EVALSHA", script_sha(self.script), len(self.keys), *self.keys, *self.args)

    @property
    def by_text(self) -> tuple[Argument, ...]:
        """The command that runs it anyway (after a restart or a failover Redis has forgotten it)."""
        return ("EVAL", script_text(self.script), len(self.keys), *self.keys, *self.args)


@dataclass(frozen=True)
class Read:
    """A plain command that changes nothing."""

    args: tuple[Argument, ...]


Request = Call | Read


class Client(Protocol):
    """The one thing the runners need of a Redis client, blocking or not, single or cluster."""

    def execute_command(self, *args: Any) -> Any:
        """Send a command; bytes are not decoded in its reply."""
