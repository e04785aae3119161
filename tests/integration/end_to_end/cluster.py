"""The product as users run it: its own commands as processes, on servers that the fixtures started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from integration.end_to_end.topics import PARTITIONS
from servers.ports import free_ports

HERE = Path(__file__).parent
PROFILE_PARTITIONS = 2


@dataclass
class Cluster:
    """One installation: a prefix of its own, its settings file, and the processes started for it."""

    bootstrap: str
    redis_url: str
    folder: Path
    prefix: str
    extra: str = ""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    logs: list[IO[str]] = field(default_factory=list)

    def create(self, *definitions: str) -> "Cluster":
        """Write the settings, create the topics, apply definition files (named as in `folder`)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self._config("tidegauge.yaml", 0)
        self.command("topics", "create", "-c", str(config))
        return self.apply(*definitions)

    def apply(self, *definitions: str) -> "Cluster":
        """Apply definition files, named as in `folder`."""
        config = self._config("tidegauge.yaml", 0)
        files = [argument for name in definitions for argument in ("-f", name)]
        if files:
            self.command("apply", "-c", str(config), *files)
        return self

    def command(self, *arguments: str) -> str:
        """Run one command to its end; what it prints."""
        done = subprocess.run(
            self._tidegauge(*arguments), cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"tidegauge {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def worker(self) -> subprocess.Popen[str]:
        """Start a worker; its log is `worker-N.log`."""
        number = len(self.processes)
        config = self._config(f"worker-{number}.yaml", free_ports(1)[0])
        return self.start(f"worker-{number}.log", *self._tidegauge("worker", "-c", str(config)))

    def script(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one of the scripts beside this file; its output is `<name>.log`."""
        script = (sys.executable, str(HERE / f"{name}.py"))
        return self.start(f"{name}.log", *script, self.bootstrap, self.prefix, *arguments)

    def start(self, log: str, *command: str) -> subprocess.Popen[str]:
        """Start a process that writes to a file."""
        out = (self.folder / log).open("w", encoding="utf-8")
        self.logs.append(out)
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=out, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
        )
        self.processes.append(process)
        return process

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self.folder / name).read_text(encoding="utf-8")

    def check(self) -> None:
        """Fail when a process ended on its own account with an error."""
        for process in self.processes:
            assert process.poll() in {None, 0, -signal.SIGKILL}, f"{process.args} ended with {process.returncode}"

    def stop(self) -> None:
        """End what still runs: politely, then not."""
        running = [process for process in self.processes if process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self.logs:
            log.close()

    def _tidegauge(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "stream.cli.main", *arguments]

    def _config(self, name: str, port: int) -> Path:
        path = self.folder / name
        path.write_text(
            f"prefix: '{self.prefix}'\ngroup: '{self.prefix}workers'\nlateness: 10s\nidle: never\nretention: 1h\n"
            f"kafka: {{bootstrap.servers: '{self.bootstrap}'}}\nredis: {{url: '{self.redis_url}'}}\n"
            f"web: {{port: {port}}}\n"
            f"topics: {{partitions: {PARTITIONS}, profile_partitions: {PROFILE_PARTITIONS}}}\n"
            f"{self.extra}",
            encoding="utf-8",
        )
        return path


def wait_for(what: str, done: Callable[[], bool], seconds: float, cluster: Cluster) -> None:
    """Wait until something holds; fails with its name, and at once when a process of the cluster fails."""
    deadline = time.monotonic() + seconds
    while not done():
        cluster.check()
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.1)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill -9."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
