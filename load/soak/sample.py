"""What is looked at every five seconds."""

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from redis import Redis
from redis.exceptions import RedisError

from load.chaos.installation import Installation
from load.resident import resident_bytes
from load.soak.site import Site
from stream.demo.lag import LagMeter

EVERY_SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class WorkerSample:
    """One worker process; a restarted one is another process."""

    worker: int
    pid: int
    rss_bytes: int
    open_files: int
    cpu_seconds: float


@dataclass(frozen=True)
class StoreSample:
    """Redis: all keys, what it uses, what of it is data, and which process it is."""

    keys: int
    used_bytes: int
    dataset_bytes: int
    pid: int


@dataclass(frozen=True)
class Sample:
    """One look, so many seconds after the first event; None where a server did not answer."""

    at_seconds: float
    workers: tuple[WorkerSample, ...]
    store: StoreSample | None
    unread: int | None


@dataclass
class Sampler:
    """A thread that looks; servers may be away meanwhile."""

    site: Site
    started: float
    samples: list[Sample] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Sampler":
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> list[Sample]:
        """Stop looking; returns what was seen."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(60)
        return self.samples

    def _run(self) -> None:
        servers = self.site.servers
        lag = LagMeter(servers.kafka, servers.redis_url, self.site.installation.prefix)
        with Redis.from_url(servers.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            while not self._stop.wait(EVERY_SECONDS - (time.monotonic() - self.started) % EVERY_SECONDS):
                at = time.monotonic() - self.started
                workers = tuple(look_at_workers(self.site.installation))
                self.samples.append(Sample(at, workers, look_at_store(client), _unread(lag)))
        lag.close()


def look_at_workers(installation: Installation) -> Iterable[WorkerSample]:
    """Look at each worker that runs."""
    for worker in installation.alive():
        place = Path("/proc") / str(worker.process.pid)
        try:
            resident = resident_bytes(worker.process.pid)
            used = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            files = sum(1 for _ in (place / "fd").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        seconds = (int(used[11]) + int(used[12])) / _TICKS
        yield WorkerSample(worker.number, worker.process.pid, resident, files, seconds)


def look_at_store(client: Redis) -> StoreSample | None:
    """Look at Redis; None when it does not answer."""
    try:
        memory, server, keys = client.info("memory"), client.info("server"), client.dbsize()
    except RedisError:
        return None
    return StoreSample(
        int(keys), int(memory["used_memory"]), int(memory["used_memory_dataset"]), int(server["process_id"])
    )


def _unread(lag: LagMeter) -> int | None:
    try:
        return sum(lag.unread())
    except (KafkaException, RedisError):
        return None
