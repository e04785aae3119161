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

from load.chaos import server_faults, worker_faults
from load.chaos.installation import PARTITIONS, PROFILE_PARTITIONS, Installation
from load.chaos.model import HORIZON_MS, MINUTE_MS
from load.chaos.plan import FAULTS, LANES, Plan
from load.chaos.scene import SESSION_SECONDS, Scene
from load.chaos.servers import Servers
from load.chaos.service import Assignment
from load.chaos.verdict import finish, verify, wait_for
from load.chaos.watch import Watch

FINAL_MS = HORIZON_MS + 60 * MINUTE_MS
"""So long after the last event every window has closed, and every part has left."""


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
        self._lanes = {lane: threading.Lock() for lane in LANES}

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
        began = time.monotonic()
        self._servers.start()
        base_ms = int(time.time() * 1000) - int(self._plan.seconds * (self._plan.speed - 1) * 1000)
        place = Installation(
            self._folder / "installation",
            self._servers.kafka.bootstrap,
            self._servers.store_url,
            kind="control" if self._control else "product",
            kafka={"bootstrap.servers": self._servers.worker_bootstrap},
        )
        watch = Watch(self._servers, place.prefix, PARTITIONS, PROFILE_PARTITIONS)
        try:
            place.create(base_ms, self._plan.seed)
            scene = self._begin(place, watch, base_ms)
            result.figures["ready after"] = f"{time.monotonic() - began:.0f} s"
            self._go_wrong(scene)
            wait_for("the services' end", place.served, 120.0, place)
            result.figures["all sent after"] = f"{time.monotonic() - began:.0f} s"
            finish(place, base_ms + self._plan.traffic.length_ms + FINAL_MS)
            self._check(scene, watch, result)
            result.figures["checked after"] = f"{time.monotonic() - began:.0f} s"
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
        wait_for("the workers' start", owned, 60.0, place)
        for role in ("predictions", "labels"):
            kafka, traffic = self._servers.kafka.bootstrap, self._plan.traffic
            place.serve(Assignment(role, kafka, place.prefix, str(place.folder), base_ms, self._plan.speed, traffic))
        rng = random.Random(self._plan.seed)
        return Scene(self._servers, place, rng, base_ms, time.monotonic(), self._plan.speed)

    def _go_wrong(self, scene: Scene) -> None:
        """Run every fault at its time, each in a thread of its own; returns when all are over."""
        threads = []
        for fault in self._plan.faults:
            while time.monotonic() < scene.started + fault.at_seconds:
                scene.installation.revive()
                time.sleep(0.1)
            action = getattr(worker_faults, fault.name, None) or getattr(server_faults, fault.name)
            thread = threading.Thread(target=self._do, args=(fault.name, action, scene), name=fault.name)
            thread.start()
            threads.append(thread)
        while any(thread.is_alive() for thread in threads):
            scene.installation.revive()
            time.sleep(0.1)

    def _do(self, name: str, action: Callable[[Scene], None], scene: Scene) -> None:
        try:
            with self._lanes[FAULTS[name][1]]:  # on a slow machine a fault may last longer than was planned
                action(scene)
        except Exception:  # noqa: BLE001 - told as a problem of the run
            self._problems.append(f"the fault {name} could not be made: {traceback.format_exc()}")

    def _check(self, scene: Scene, watch: Watch, result: Result) -> None:
        verdict = verify(scene.installation, self._servers, offsets=not self._control)
        watch.stop()
        result.problems += verdict.problems
        result.problems += watch.steps_back()
        self._judge_times(scene, watch, result)
        rejected = _rejected(scene.installation)
        stopped = {"stop_worker", "stop_between"} & self._plan.names and not self._control
        if stopped and not (scene.zombies and rejected):
            result.problems.append("a worker was to be replaced while it was stopped, but no write of it was refused")
        result.figures |= {**verdict.figures, "refused writes": str(rejected)}

    def _judge_times(self, scene: Scene, watch: Watch, result: Result) -> None:
        stalled, where = watch.longest_stall(scene.excused)
        result.figures["longest stall"] = f"{stalled:.1f} s"
        if self._stall_seconds is not None and stalled > self._stall_seconds:
            result.problems.append(f"{where} stood still for {stalled:.1f} s without a fault to excuse it")
        alone = [at for at in scene.kills if not scene.disturbed(at)]
        taken = [watch.taken_over(at, list(range(PARTITIONS))) for at in alone]
        beyond = [at - kill - SESSION_SECONDS for kill, at in zip(alone, taken, strict=True) if at is not None]
        if beyond:
            result.figures["take-over beyond the session"] = f"{max(beyond):.1f} s"


def _rejected(place: Installation) -> int:
    """How many writes the store refused, as the workers say it."""
    logs = (worker.log.read_text(encoding="utf-8", errors="replace") for worker in place.workers)
    return sum("Fenced(" in line for log in logs for line in log.splitlines())
