"""Toxiproxy: a real proxy that delays and resets connections on command. `make servers` builds it where Go is."""

import json
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.ports import free_ports, wait_until_listening

BINARY = Path(__file__).parents[2] / ".cache" / "toxiproxy" / "server"
ANSWER_SECONDS = 60.0
"""It takes a toxic away only when what that holds has gone on, and under load a delay holds much."""


def missing() -> str | None:
    """Say what it would need and this machine lacks; None when it can start."""
    return None if BINARY.exists() else f"no toxiproxy in {BINARY} (needs Go on PATH, then `make servers`)"


@dataclass
class Toxiproxy:
    """One process, with proxies by name."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    _api: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Toxiproxy":
        """Start it and wait until it answers."""
        (self._api,) = free_ports(1)
        with (self.folder / "toxiproxy.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(BINARY), "-host", "127.0.0.1", "-port", str(self._api)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        wait_until_listening(self._api, 15, "toxiproxy")
        return self

    def create(self, name: str, upstream: int) -> int:
        """Put a proxy before a loopback port; returns its own port."""
        (self.ports[name],) = free_ports(1)
        body = {"name": name, "listen": f"127.0.0.1:{self.ports[name]}", "upstream": f"127.0.0.1:{upstream}"}
        self._ask("POST", "/proxies", {**body, "enabled": True})
        return self.ports[name]

    def poison(self, name: str, toxic: str, attributes: dict[str, int], stream: str = "downstream") -> None:
        """Add a toxic: `latency` {latency, jitter}, `reset_peer` {timeout}, `timeout` {timeout} and others; in ms."""
        self._ask("POST", f"/proxies/{name}/toxics", {"name": f"{toxic}-{stream}", "type": toxic, "stream": stream,
                                                      "toxicity": 1.0, "attributes": attributes})  # fmt: skip

    def cure(self, name: str, toxic: str, stream: str = "downstream") -> None:
        """Take a toxic away."""
        self._ask("DELETE", f"/proxies/{name}/toxics/{toxic}-{stream}")

    def kill(self) -> None:
        """End it; connections through it are reset."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._api}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            answer.read()
