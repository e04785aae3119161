"""The product in a run: its settings, its commands, its worker processes, and the two services."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from load.chaos.model import MODELS, definition, reference_frame
from load.chaos.service import Assignment

PARTITIONS, PROFILE_PARTITIONS = 4, 2
PREFIX = "chaos."
SETTINGS = """\
prefix: '{prefix}'
group: workers
lateness: 10s
idle: never
retention: 5m
kafka: {{{kafka}}}
redis: {{url: '{redis}'}}
web: {{port: 0}}
topics: {{partitions: {partitions}, profile_partitions: {profiles}}}
"""
COMMAND_SECONDS = 90.0
UNREACHABLE = 3
"""Exit code of a worker that found a server away when it began."""


@dataclass
class Worker:
    """One worker process."""

    number: int
    process: subprocess.Popen[bytes]
    log: Path
    trap: Path | None

    @property
    def alive(self) -> bool:
        """Whether it runs (or is stopped)."""
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        if self.alive:
            os.kill(self.process.pid, number)

    def end(self, number: signal.Signals, seconds: float = 10.0) -> int:
        """Send a signal and wait for the end; kill it when that takes longer. Returns the exit code."""
        self.send(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@dataclass
class Installation:
    """One installation below one folder; safe to use from the faults' threads.

    Attributes
    ----------
    kind
        Of the workers: "product", or another one of `worker`.
    kafka
        Additional Kafka settings of the workers.
    """

    folder: Path
    bootstrap: str
    redis_url: str
    kind: str = "product"
    kafka: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    prefix: str = PREFIX
    revived: set[int] = field(default_factory=set)
    _others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "tidegauge.yaml"

    def create(self, base_ms: int, seed: int) -> None:
        """Write the settings, create the topics, declare the models with their references."""
        self.create_topics()
        for at, model in enumerate(MODELS):
            reference_frame(base_ms, 1_000 * seed + at).to_parquet(self.folder / f"{model}.parquet")
            self.declare(model, f"{model}.parquet")
        self.apply(*MODELS)

    def create_topics(self) -> None:
        """Write the settings, and create the topics."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kafka = {"bootstrap.servers": self.bootstrap, **self.kafka}
        self.config.write_text(
            SETTINGS.format(
                prefix=self.prefix,
                kafka=", ".join(f"{key}: '{value}'" for key, value in kafka.items()),
                redis=self.redis_url,
                partitions=PARTITIONS,
                profiles=PROFILE_PARTITIONS,
            ),
            encoding="utf-8",
        )
        self.command("topics", "create")

    def declare(self, model: str, reference: str, drop: float = 0.05) -> None:
        """Write a model's definition file."""
        (self.folder / f"{model}.yaml").write_text(definition(model, reference, drop), encoding="utf-8")

    def apply(self, *models: str) -> str:
        """Apply definition files; returns what the command printed."""
        return self.command("apply", *(argument for model in models for argument in ("-f", f"{model}.yaml")))

    def command(self, *arguments: str) -> str:
        """Run one command of the product to its end."""
        command = [*_tidegauge(*arguments), "-c", str(self.config)]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        if done.returncode:
            raise RuntimeError(f"tidegauge {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def worker(self, *, trapped: bool = False) -> Worker:
        """Start a worker: the product's own command, or one with a trap between consume and checkpoint."""
        with self._lock:
            number = len(self.workers)
            trap = self.folder / f"trap-{number}" if trapped else None
            command = _tidegauge("worker", "-c", str(self.config))
            if trapped or self.kind != "product":
                command = [sys.executable, "-m", "load.chaos.worker", str(self.config), str(trap or ""), self.kind]
            log = self.folder / f"worker-{number}.log"
            worker = Worker(number, self._start(log, command), log, trap)
            self.workers.append(worker)
            return worker

    def serve(self, assignment: Assignment) -> None:
        """Start a service."""
        command = [sys.executable, "-m", "load.chaos.service", assignment.text()]
        self._others.append(self._start(self.folder / f"{assignment.role}.log", command))

    def served(self) -> bool:
        """Whether both services have sent everything; raises when one failed."""
        for process in self._others:
            if process.poll() not in {None, 0}:
                raise RuntimeError(f"a service ended with {process.returncode}: see {self.folder}/*.log")
        return all((self.folder / f"{role}.done").exists() for role in ("predictions", "labels"))

    def alive(self) -> list[Worker]:
        """Return the workers that run."""
        with self._lock:
            return [worker for worker in self.workers if worker.alive]

    def revive(self) -> None:
        """Start another worker for each that ended because a server was away when it began, as an orchestrator does."""
        away = [w for w in self.workers if w.process.poll() == UNREACHABLE and w.number not in self.revived]
        for worker in away:
            self.revived.add(worker.number)
            self.worker()

    def failures(self) -> Sequence[str]:
        """Say which workers ended on their own account."""
        expected = {
            None,
            0,
            UNREACHABLE,
            -signal.SIGKILL,
            -signal.SIGTERM,
        }  # SIGTERM in its first second: it had nothing yet
        return [
            f"worker {worker.number} ended with {worker.process.returncode}: {_last_line(worker.log)}"
            for worker in self.workers
            if worker.process.poll() not in expected
        ]

    def stop(self) -> None:
        """End everything: politely, then not."""
        alive = self.alive()
        for worker in alive:
            worker.send(signal.SIGCONT)
            worker.send(signal.SIGTERM)
        deadline = time.monotonic() + 8
        for worker in alive:
            worker.end(signal.SIGTERM, max(deadline - time.monotonic(), 0.1))
        for process in self._others:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _start(self, log: Path, command: list[str]) -> subprocess.Popen[bytes]:
        root = Path(__file__).parents[2]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        with log.open("ab") as out:
            return subprocess.Popen(
                command, cwd=self.folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment
            )


def _tidegauge(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stream.cli.main", *arguments]


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
