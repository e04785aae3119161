"""Run the whole worker until the last window is reported, and read what it used."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from load.bench.plain_run import ROOT
from load.bench.result import Result
from load.bench.stage import PARTITIONS, Scene
from load.generate.definition import HORIZON_MS
from tidegauge import decode_report

RUN_SECONDS = 180
ASK_SECONDS = 0.2
QUIET_SECONDS = 1.0
"""So long without a report, after the last window's outcomes were reported: the monitor has nothing left to do."""


@dataclass
class Reports:
    """What the monitor said so far; read by us, so that it costs the worker nothing."""

    scene: Scene
    kafka: dict[str, str]
    count: int = 0
    features: int = 0
    final: bool = False
    last_at: float = 0.0

    def __post_init__(self) -> None:
        self._consumer = Consumer({**self.kafka, "group.id": f"{self.scene.names.prefix}bench"})
        topic = self.scene.names.reports
        self._consumer.assign([TopicPartition(topic, n, 0) for n in range(PARTITIONS)])

    def poll(self, seconds: float) -> None:
        """Take in what came."""
        for message in self._consumer.consume(1_000, seconds):
            value = message.value()
            if message.error() is None and value is not None:
                report = decode_report(value)
                self.count += 1
                self.features = max(self.features, len(report.drift) - 1)  # the score is judged too
                last = report.part == "outcome" and report.window.end_ms > self.scene.last_prediction_ms
                self.final |= last and report.age_ms == HORIZON_MS
                self.last_at = time.monotonic()

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()


def run_worker(module: str, scene: Scene, kafka: dict[str, str], features: int) -> Result:
    """Measure once, in a process of its own; what counts is its CPU when the last report had been published."""
    with _started(module, scene) as process:
        reports = Reports(scene, kafka)
        try:
            told = _until_quiet(process, reports)
        finally:
            reports.close()
    if isinstance(told, str):
        return Result(problem=told)
    more = {name: told[name] for name in ("start_cpu_seconds", "checkpoints", "checkpoint_bytes", "published_bytes")}
    return Result(
        messages=scene.messages,
        cpu_seconds=told["cpu"]["all"],
        wall_seconds=told["wall_seconds"],
        peak_rss_bytes=told["peak_rss_bytes"],
        by_role=told["cpu"],
        more={**more, "reports": reports.count},
        problem=_problem(told, reports, scene, features),
    )


@contextmanager
def _started(module: str, scene: Scene) -> Iterator["subprocess.Popen[str]"]:
    log = Path(str(scene.config)).with_suffix(".log")
    command = [sys.executable, "-m", module, str(scene.config), str(scene.messages + 2 * PARTITIONS)]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _until_quiet(process: "subprocess.Popen[str]", reports: Reports) -> dict[str, Any] | str:
    """Return what was used when the last report had come, or what went wrong."""
    deadline, told, asked_at = time.monotonic() + RUN_SECONDS, None, 0.0
    while time.monotonic() < deadline:
        reports.poll(ASK_SECONDS)
        quiet = time.monotonic() - reports.last_at
        if told is not None and told["done"] and reports.final and asked_at > reports.last_at and quiet > QUIET_SECONDS:
            return told
        if told is None or not told["done"] or asked_at <= reports.last_at:
            told, asked_at = _ask(process), time.monotonic()
            if told is None:
                return f"the worker ended with exit code {process.wait()}"
    return (
        f"not done after {RUN_SECONDS} s: {0 if told is None else told['messages']} messages, {reports.count} reports"
    )


def _ask(process: "subprocess.Popen[str]") -> dict[str, Any] | None:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("started without pipes")
    try:
        process.stdin.write("used\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    line = process.stdout.readline()
    return dict(json.loads(line)) if line else None


def _problem(told: dict[str, Any], reports: Reports, scene: Scene, features: int) -> str:
    """Say what the worker did not do; the counts in its status are a second old at most, so they are final here."""
    wrong = []
    if told["messages"] < scene.messages:
        wrong.append(f"took {told['messages']} of {scene.messages} messages")
    if reports.features != features:
        wrong.append(f"judged {reports.features} of {features} features")
    return "; ".join(wrong)
