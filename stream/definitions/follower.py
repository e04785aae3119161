"""Following the `models` topic in a thread, for a worker that has better things to do."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from stream.definitions.reader import READ_TIMEOUT_SECONDS, DefinitionReader
from stream.errors import TidegaugeError
from stream.model.catalog import Catalog

_POLL_SECONDS: Final = 0.5
_LOG: Final = logging.getLogger(__name__)


def _ignore(_: Catalog) -> None:
    """Tell nobody: `catalog` and `failure` can be asked for."""


class DefinitionFollower:
    """Keeps a catalog current.

    Parameters
    ----------
    reader
        Used by this object alone from now on.
    on_change
        Called in the follower's thread with every new catalog; must not block, must not raise.

    Notes
    -----
    The catalog handed over is a snapshot that is never changed: a thread takes `catalog` once per batch.
    """

    def __init__(self, reader: DefinitionReader, on_change: Callable[[Catalog], None] = _ignore) -> None:
        self._reader = reader
        self._on_change = on_change
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="definitions", daemon=True)

    @property
    def catalog(self) -> Catalog:
        """The newest catalog."""
        return self._reader.catalog

    @property
    def failure(self) -> Exception | None:
        """Why following ended by itself (a newer record, a topic cut short, a bug): end the process.

        A TidegaugeError carries the exit code.
        """
        return self._failure

    def start(self, timeout_seconds: float = READ_TIMEOUT_SECONDS) -> Catalog:
        """Read the topic to its end in the calling thread (raises as `read_to_end` does), then go on in another."""
        catalog = self._reader.read_to_end(timeout_seconds)
        self._thread.start()
        return catalog

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End the thread and leave Kafka; the catalog stays readable."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        self._reader.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except TidegaugeError as error:
                _LOG.critical("models: following ended: %s", error)
                self._failure = error
                return
            except Exception as error:  # noqa: BLE001 - a worker must not go on by old definitions for ever
                _LOG.exception("models: following ended")
                self._failure = error
                return

    def _follow(self) -> None:
        before = self._reader.catalog
        self._reader.poll(_POLL_SECONDS)
        if self._reader.catalog is not before:
            self._on_change(self._reader.catalog)
