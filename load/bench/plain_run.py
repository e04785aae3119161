"""Run a contestant that ends by itself and prints one line."""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from dataclasses import asdict
from pathlib import Path

from load.bench.contestants import Contestant
from load.bench.result import Result
from load.bench.stage import PARTITIONS, Scene
from load.peers.install import PeerError, install
from load.peers.meter import RESULT, Task

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 90


def run_plain(contestant: Contestant, scene: Scene, bootstrap: str) -> Result:
    """Measure once, in a process of its own."""
    try:
        python = Path(sys.executable) if contestant.peer is None else install(contestant.peer)
    except PeerError as error:
        return Result(problem=str(error))
    with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as state:
        task = _task(contestant, scene, bootstrap, state)
        command = [str(python), "-m", contestant.module, json.dumps(asdict(task))]
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": state, "PYTHONPATH": str(ROOT)}
        try:
            done = subprocess.run(
                command, cwd=state, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return Result(problem=f"not done after {RUN_SECONDS} s")
        result = Path(state) / RESULT
        told = json.loads(result.read_text("ascii")) if result.exists() else None
    if done.returncode or told is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        return Result(problem=f"exit code {done.returncode}: {said[-1] if said else 'nothing said'}")
    return Result(
        messages=scene.messages,
        cpu_seconds=told["cpu_seconds"],
        wall_seconds=told["wall_seconds"],
        peak_rss_bytes=told["peak_rss_bytes"],
        problem=_miscounted(told, scene),
    )


def _task(contestant: Contestant, scene: Scene, bootstrap: str, state: str) -> Task:
    return Task(
        bootstrap=bootstrap,
        predictions_topic=scene.names.predictions,
        labels_topic=scene.names.labels,
        predictions=scene.predictions,
        labels=scene.labels,
        partitions=PARTITIONS,
        group=f"{contestant.name}-{uuid.uuid4().hex[:8]}",
        state=state,
        extra={
            **contestant.extra,
            "batch": contestant.batch,
            "config": str(scene.config),
            "messages": scene.messages + 2 * PARTITIONS,
        },
    )


def _miscounted(told: dict[str, float], scene: Scene) -> str:
    """Who did not do the job has not won."""
    expected = {"predictions": scene.predictions, "labels": scene.labels, "joined": scene.labels}
    wrong = [
        f"{told[name]} {name} instead of {count}" for name, count in expected.items() if told.get(name, count) != count
    ]
    return f"counted {', '.join(wrong)}" if wrong else ""
