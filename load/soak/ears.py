"""Alerts as a subscriber gets them, with the moment of each."""

import threading
import time
from dataclasses import dataclass, field

from load.soak.site import Site
from tidegauge import Alert, AlertStream

IDLE_SECONDS = 1.0


@dataclass
class Ears:
    """A thread with an AlertStream."""

    site: Site
    heard: list[tuple[float, Alert]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Ears":
        """Begin to listen."""
        self._thread = threading.Thread(target=self._run, name="ears", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> list[tuple[float, Alert]]:
        """Stop when nothing more comes; returns each alert with Unix time of its arrival."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
        return self.heard

    def _run(self) -> None:
        stream = AlertStream(
            self.site.servers.bootstrap,
            prefix=self.site.installation.prefix,
            start="earliest",
            idle_seconds=IDLE_SECONDS,
        )
        with stream:
            while not self._stop.is_set():
                for alert in stream:
                    self.heard.append((time.time(), alert))
