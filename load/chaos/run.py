"""One run: servers, workers, services, faults; then the drain, the recomputation and the checks."""

import random
import shutil
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer

from load.chaos import checks, server_faults, worker_faults
from load.chaos.installation import PARTITIONS, PROFILE_PARTITIONS, Installation
from load.chaos.model import HORIZON_MS, MINUTE_MS
from load.chaos.oracle import Expected, catalog_of, recompute
from load.chaos.plan import SPEED, Plan
from load.chaos.scene import SESSION_SECONDS, Scene
from load.chaos.servers import Servers
from load.chaos.service import Assignment
from load.chaos.topics import Published, ends_of, read_log, read_published
from load.chaos.watch import Watch
from stream.checkpoint import ShardName
from stream.kafka.topics import TopicNames
from stream.profiler.config import ShardConfig
from tidegauge import AlertStream
from tidegauge.codec import encode
from tidegauge.events import Watermark

SHARD = ShardConfig(lateness_ms=10_000, retention_ms=5 * MINUTE_MS, idle_ms=None)
FINAL_MS = HORIZON_MS + 60 * MINUTE_MS
DRAIN_SECONDS = 90.0
QUIET_SECONDS = 3.0


@dataclass
class Result:
    """How a run ended; no `problems`, it passed."""

    plan: Plan
    problems: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Run:
    """One run below one folder, which is removed when it passed."""

    def __init__(self, plan: Plan, *, control: bool = False, stall_seconds: float | None = 10.0) -> None:
        self._plan, self._stall_seconds = plan, stall_seconds
        self._folder = Path(tempfile.mkdtemp(prefix=f"tidegauge-chaos-{plan.seed}-"))
        self._servers = Servers(self._folder / "servers")
        self._control = control
        self._problems: list[str] = []

    def play(self) -> Result:
        """Do it all; whatever goes wrong is a problem of the result."""
        result = Result(self._plan, folder=self._folder)
        try:
            self._play(result)
        except Exception:  # noqa: BLE001 - a run that cannot end is a failed run, and the others go on
            result.problems.append(traceback.format_exc())
        result.problems = self._problems + result.problems
        if not result.problems:
            shutil.rmtree(self._folder, ignore_errors=True)
        return result

    def _play(self, result: Result) -> None:
        self._servers.folder.mkdir(parents=True)
        self._servers.start()
        base_ms = int(time.time() * 1000) - int(self._plan.seconds * (SPEED - 1) * 1000)
        place = Installation(
            self._folder / "installation", self._servers.kafka.bootstrap, self._servers.store_url, self._control
        )
        watch = Watch(self._servers, place.prefix, PARTITIONS, PROFILE_PARTITIONS)
        try:
            place.create(base_ms, self._plan.seed)
            scene = self._begin(place, watch, base_ms)
            self._go_wrong(scene)
            self._wait("the services' end", place.served, 120.0, place)
            _finish(place, base_ms + self._plan.traffic.length_ms + FINAL_MS)
            self._check(scene, watch, result)
        finally:
            watch.stop()
            place.stop()
            self._servers.stop()

    def _begin(self, place: Installation, watch: Watch, base_ms: int) -> Scene:
        """Start workers, and services once the workers own something."""
        place.worker(trapped=not self._control)
        for _ in range(self._plan.workers - 1):
            place.worker()
        watch.start()
        owned = lambda: all(watch.newest("profiler", shard) for shard in range(PARTITIONS))  # noqa: E731
        self._wait("the workers' start", owned, 60.0, place)
        for role in ("predictions", "labels"):
            place.serve(
                Assignment(role, self._servers.kafka.bootstrap, place.prefix, str(place.folder), base_ms, SPEED,
                           self._plan.traffic)
            )  # fmt: skip
        rng = random.Random(self._plan.seed)
        return Scene(self._servers, place, rng, base_ms, time.monotonic(), SPEED)

    def _go_wrong(self, scene: Scene) -> None:
        """Run every fault at its time, each in a thread of its own; returns when all are over."""
        threads = []
        for fault in self._plan.faults:
            time.sleep(max(scene.started + fault.at_seconds - time.monotonic(), 0.0))
            action = getattr(worker_faults, fault.name, None) or getattr(server_faults, fault.name)
            thread = threading.Thread(target=self._do, args=(fault.name, action, scene), name=fault.name)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def _do(self, name: str, action: Callable[[Scene], None], scene: Scene) -> None:
        try:
            action(scene)
        except Exception:  # noqa: BLE001 - told as a problem of the run
            self._problems.append(f"the fault {name} could not be made: {traceback.format_exc()}")

    def _check(self, scene: Scene, watch: Watch, result: Result) -> None:
        place = scene.installation
        names, kafka = TopicNames(place.prefix), {"bootstrap.servers": place.bootstrap}
        drained = lambda: self._drained(watch, names, place.bootstrap)  # noqa: E731
        self._wait("the drain", drained, DRAIN_SECONDS, place)
        watch.stop()
        stored = self._stored(place.prefix)
        log = read_log(place.bootstrap, names)
        switches = {n: {k: v for k, v in fields.items() if k.startswith(b"v|")} for n, fields in stored.items()}
        expected = recompute(log, catalog_of(kafka, names), SHARD, switches, PROFILE_PARTITIONS)
        published = self._settled(place, names, expected)
        stored = self._stored(place.prefix)
        heard = list(AlertStream(place.bootstrap, prefix=place.prefix, start="earliest", idle_seconds=3.0))
        result.problems += place.failures()
        result.problems += checks.rows(log, stored, expected)
        result.problems += checks.joins(expected, stored)
        result.problems += checks.profiles(published, stored, expected)
        result.problems += checks.reports(published, expected)
        result.problems += checks.alerts(published, heard, expected)
        result.problems += checks.dead_letters(published, expected)
        result.problems += watch.steps_back()
        self._judge_times(scene, watch, result)
        rejected = _rejected(place)
        if "stop_between" in self._plan.names and scene.zombies and not rejected:
            result.problems.append("a worker was replaced while it was stopped, but no write of it was refused")
        result.figures |= {
            "messages": str(log.messages),
            "parts": str(len(expected.bodies)),
            "reports": str(len(expected.reports)),
            "alerts": str(len(expected.alerts)),
            "refused writes": str(rejected),
        }

    def _judge_times(self, scene: Scene, watch: Watch, result: Result) -> None:
        stalled, where = watch.longest_stall(scene.excused)
        result.figures["longest stall"] = f"{stalled:.1f} s"
        if self._stall_seconds is not None and stalled > self._stall_seconds:
            result.problems.append(f"{where} stood still for {stalled:.1f} s without a fault to excuse it")
        taken = [watch.taken_over(at, list(range(PARTITIONS))) for at in scene.kills]
        beyond = [at - kill - SESSION_SECONDS for kill, at in zip(scene.kills, taken, strict=True) if at is not None]
        if beyond:
            result.figures["take-over beyond the session"] = f"{max(beyond):.1f} s"

    def _drained(self, watch: Watch, names: TopicNames, bootstrap: str) -> bool:
        """Whether every shard has read and delivered everything."""
        ends = ends_of(bootstrap, names)
        for shard in range(PARTITIONS):
            seen = watch.newest("profiler", shard)
            if self._control:
                continue
            if seen is None or any(seen.offsets.get(role, 0) < ends[role, shard] for role in ("predictions", "labels")):
                return False
        with self._servers.direct() as client:
            left = [client.hlen(ShardName(names.prefix, "profiler", n).unpublished) for n in range(PARTITIONS)]
        return not any(left)

    def _stored(self, prefix: str) -> dict[int, dict[bytes, bytes]]:
        with self._servers.direct() as client:
            return {n: client.hgetall(ShardName(prefix, "profiler", n).fields) for n in range(PARTITIONS)}

    def _settled(self, place: Installation, names: TopicNames, expected: Expected) -> Published:
        """Wait until as much came out as had to and nothing more comes; a problem shows in the checks."""
        before, since, deadline = -1, time.monotonic(), time.monotonic() + 40
        while time.monotonic() < deadline:
            found = read_published(place.bootstrap, names, profiles=False)
            count = len(found.reports) + len(found.alerts)
            if count != before:
                before, since = count, time.monotonic()
            enough = {(a.alert_id, a.seq) for a in found.alerts} >= expected.alerts.keys()
            if time.monotonic() - since > QUIET_SECONDS and (enough or time.monotonic() - since > 15):
                break
            time.sleep(0.5)
        return read_published(place.bootstrap, names)

    def _wait(self, what: str, done: Callable[[], bool], seconds: float, place: Installation) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if failures := place.failures():
                raise RuntimeError(f"while waiting for {what}: {'; '.join(failures)}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not happen within {seconds:g} s")
            time.sleep(0.2)


def _finish(place: Installation, watermark_ms: int) -> None:
    """Say on every partition that nothing follows, so that every window closes."""
    producer = Producer({"bootstrap.servers": place.bootstrap})
    names = TopicNames(place.prefix)
    for topic in (names.predictions, names.labels):
        for partition in range(PARTITIONS):
            producer.produce(topic, encode(Watermark(timestamp_ms=watermark_ms)), partition=partition)
    if producer.flush(30):
        raise TimeoutError("the last watermarks could not be sent")


def _rejected(place: Installation) -> int:
    """How many writes the store refused, as the workers say it."""
    logs = (worker.log.read_text(encoding="utf-8", errors="replace") for worker in place.workers)
    return sum("Fenced(" in line for log in logs for line in log.splitlines())
