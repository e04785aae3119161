"""Workers that tell what they use: the benchmark's subject, as many processes as wanted."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from load.bench.plain_run import ROOT
from load.bench.stage import Scene

STEADY_SECONDS = 2.0
"""A worker's status is a second old at most."""

NEVER = 1 << 60
"""More messages than ever come: the subject then watches until it is ended."""


@dataclass(frozen=True)
class Used:
    """What a fleet used so far, processes added up; `first_at` is the Unix time of the first message of any."""

    cpu_seconds: float
    monitor_seconds: float
    profiler_seconds: float
    messages: int
    peak_rss_bytes: int
    published_bytes: int
    published_messages: int
    checkpoint_bytes: int
    checkpoints: int
    takeovers: int
    shards: int
    first_at: float
    longest_pause_seconds: float


class Member:
    """One worker process."""

    def __init__(self, scene: Scene, log: Path, cadence: dict[str, float]) -> None:
        self.started_at = time.time()
        command = [sys.executable, "-m", "load.bench.subjects.worker", str(scene.config), str(NEVER)]
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, *([json.dumps(cadence)] if cadence else [])],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._log = log

    def ask(self, what: str = "used") -> dict[str, Any]:
        """Return what it used so far; RuntimeError when it has ended. `forget`: its longest pause counts anew."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("started without pipes")
        try:
            self.process.stdin.write(f"{what}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"a worker ended with {self.process.wait()}: {self._log.read_text('utf-8')[-1500:]}")
        return dict(json.loads(line))

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Fleet:
    """Workers of one group; leaving the `with` block ends them."""

    def __init__(self, scene: Scene, count: int = 1, cadence: dict[str, float] | None = None) -> None:
        if scene.config is None:
            raise ValueError("a scene without a definition has nothing for a worker")
        self._scene, self._cadence = scene, cadence or {}
        self._folder = scene.config.parent
        self.members: list[Member] = []
        for _ in range(count):
            self.add()

    def add(self) -> Member:
        """Start one more."""
        log = self._folder / f"{self._scene.names.prefix}worker-{len(self.members)}.log"
        member = Member(self._scene, log, self._cadence)
        self.members.append(member)
        return member

    def used(self) -> Used:
        """Ask all that run."""
        told = [member.ask() for member in self.members if member.process.poll() is None]
        firsts = [one["first_at"] for one in told if one["first_at"]]
        return Used(
            cpu_seconds=sum(one["cpu"]["all"] for one in told),
            monitor_seconds=sum(one["cpu"]["monitor"] for one in told),
            profiler_seconds=sum(one["cpu"]["profiler"] for one in told),
            messages=sum(one["messages"] for one in told),
            peak_rss_bytes=sum(one["peak_rss_bytes"] for one in told),
            published_bytes=sum(one["published_bytes"] for one in told),
            published_messages=sum(one["published_messages"] for one in told),
            checkpoint_bytes=sum(one["checkpoint_bytes"] for one in told),
            checkpoints=sum(one["checkpoints"] for one in told),
            takeovers=sum(one["takeovers"] for one in told),
            shards=sum(one["shards"] for one in told),
            first_at=min(firsts, default=0.0),
            longest_pause_seconds=max((one["longest_pause_seconds"] for one in told), default=0.0),
        )

    def wait(self, what: str, until: Callable[[Used], bool], seconds: float = 120.0, pause: float = 0.05) -> Used:
        """Ask until something holds; TimeoutError when it does not."""
        deadline = time.monotonic() + seconds
        while not until(used := self.used()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not happen within {seconds:g} s: {used}")
            time.sleep(pause)
        return used

    def wait_shared(self, partitions: int, seconds: float = 120.0) -> None:
        """Wait until each member owns an equal share of the shards, and no rebalance is under way."""
        share = [partitions // len(self.members)] * len(self.members)
        deadline, since = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() - since < STEADY_SECONDS:
            told = [member.ask()["shards"] for member in self.members]
            since = since if told == share else time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the shards were not shared within {seconds:g} s: {told}")
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for member in self.members:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)
        for member in self.members:
            member.end()
