"""The settings of Redis that keep state, looked at: a server that evicts, or forgets at a restart, loses it.

A managed Redis often forbids CONFIG GET. Then nobody knows, which is said and is no error.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from redis import Redis
from redis.exceptions import ResponseError

from stream.checkpoint import Store
from stream.checkpoint.indirect import ClusterStore, SentinelStore


@dataclass(frozen=True)
class Requirement:
    """A setting, the values that are safe (the first is the one to choose), and what happens otherwise."""

    name: str
    wanted: tuple[str, ...]
    why: str


REQUIRED: Final = (
    Requirement("maxmemory-policy", ("noeviction",), "an evicted key is lost state"),
    Requirement("appendonly", ("yes",), "a restart would go back to an old snapshot"),
    Requirement("appendfsync", ("everysec", "always"), "a power cut would lose half a minute of state"),
)


@dataclass(frozen=True)
class Finding:
    """One setting of one server; `found` is None when the server does not show it."""

    server: str
    requirement: Requirement
    found: str | None

    @property
    def fine(self) -> bool:
        """Whether nobody need act, as far as is known."""
        return self.found is None or self.found in self.requirement.wanted

    @property
    def what(self) -> str:
        """What was found, without a verdict."""
        server = f"Redis {self.server}".rstrip()
        name = self.requirement.name
        return f"{server} does not show {name}" if self.found is None else f"{server} {name} is {self.found}"

    @property
    def advice(self) -> str:
        """What to do, and why; empty when all is well."""
        wanted, why = self.requirement.wanted[0], self.requirement.why
        if self.found is None:
            return f"make sure that it is `{wanted}`: {why}"
        return "" if self.fine else f"{why}: set `{self.requirement.name} {wanted}`"


def examine(store: Store) -> Iterator[Finding]:
    """Look at each server that holds state: the only one, the master, or all nodes of a cluster."""
    for name, server in _servers(store):
        for requirement in REQUIRED:
            yield Finding(name, requirement, _look(server, requirement.name))


def _look(server: Redis, name: str) -> str | None:
    try:
        found = server.execute_command("CONFIG GET", name)
    except ResponseError:
        return None
    # Bytes or text, by redis-py's version: it is made a mapping either way.
    texts = {_text(key): _text(value) for key, value in found.items()}
    return texts.get(name)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _servers(store: Store) -> Iterator[tuple[str, Redis]]:
    match store:
        case ClusterStore():
            for node in store.client.get_nodes():
                yield f"node {node.name}", store.client.get_redis_connection(node)
        case SentinelStore():
            yield "master", store.client
        case Redis():
            yield "", store
