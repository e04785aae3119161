"""Where the store is: one server, a cluster, or the master that Sentinel names; all of it in one URL.

    redis://[user:password@]host[:6379][/db]                      one server
    redis+cluster://[user:password@]host[:6379],...               Redis Cluster: some of its nodes are enough
    redis+sentinel://[user:password@]host[:26379],.../service[/db]   Sentinel: user and password are the master's

`rediss://`, `rediss+cluster://` and `rediss+sentinel://` speak TLS; `unix://` is a socket. redis-py's parameters
(`?ssl_ca_certs=/path`) hold for each; `?sentinel_username=...&sentinel_password=...` are the Sentinels' own. In a
password `@ / ? # %` are percent-encoded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.connection import parse_url

Kind = Literal["single", "cluster", "sentinel"]

SINGLE_SCHEMES: Final = ("redis", "rediss", "unix")
SCHEMES: Final = (*SINGLE_SCHEMES, "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
PORTS: Final = {"cluster": 6379, "sentinel": 26379}
SENTINEL_OPTIONS: Final = {"sentinel_username": "username", "sentinel_password": "password"}


@dataclass(frozen=True)
class StoreAddress:
    """A store's URL, taken apart; nothing of it is printed, for it may hold a password.

    Attributes
    ----------
    hosts
        The nodes or Sentinels to ask first; empty for a single server.
    service
        The name under which the Sentinels know the master.
    options, sentinel_options
        Arguments of redis-py's connections to the store, and to the Sentinels.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse_address(url: str) -> StoreAddress:
    """Take a URL apart; ValueError says what is wrong with it, without quoting it."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(
            f"must begin with one of {', '.join(f'{s}://' for s in SCHEMES)}, for example redis://localhost:6379/0"
        )
    if scheme in SINGLE_SCHEMES:
        return StoreAddress("single", options=_options(url))
    base, _, kind = scheme.partition("+")
    end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    user, _, names = rest[:end].rpartition("@")
    path, _, query = rest[end:].partition("?")
    hosts = tuple(_hosts(names, PORTS[kind]))
    service, database = _path(kind, path.strip("/"))
    own, sentinel = _queries(query)
    login = f"{user}@" if user else ""
    options = _options(f"{base}://{login}localhost/{database}?{urlencode(own)}")
    return StoreAddress(cast("Kind", kind), hosts, service, {**options, "ssl": base == "rediss"}, sentinel)


def _options(url: str) -> dict[str, Any]:
    """Read a single server's URL as redis-py does."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("the port is no number from 0 to 65535") from None
    return {key: value for key, value in parse_url(url).items() if key != "connection_class"}


def _hosts(names: str, port: int) -> Iterator[tuple[str, int]]:
    for name in names.split(","):
        try:
            parts = urlsplit(f"//{name.strip()}")
            number = parts.port or port
        except ValueError:
            raise ValueError("the port of one of the hosts is no number from 0 to 65535") from None
        if not parts.hostname:
            raise ValueError("a host is missing: give them as host:port,host:port")
        yield parts.hostname, number


def _path(kind: str, path: str) -> tuple[str, int]:
    """Return the Sentinels' service (none for a cluster) and the number of the database."""
    if kind == "cluster":
        if path not in {"", "0"}:
            raise ValueError("a Redis Cluster has no database but 0: end the address after the hosts")
        return "", 0
    service, _, database = path.partition("/")
    if not service:
        raise ValueError("the service's name is missing: redis+sentinel://host:26379,host:26379/mymaster")
    if database and not database.isdigit():
        raise ValueError("what follows the service's name must be the number of a database")
    return service, int(database or 0)


def _queries(query: str) -> tuple[dict[str, str], dict[str, str]]:
    """Part the parameters for the store from those for the Sentinels."""
    pairs = dict(parse_qsl(query))
    sentinel = {SENTINEL_OPTIONS[key]: pairs.pop(key) for key in SENTINEL_OPTIONS if key in pairs}
    return pairs, sentinel
