"""What the README shows, run as it stands there: real Kafka, real Redis, a worker as a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Consumer, Producer
from servers.ports import free_ports

from tidegauge import Recorder

pytestmark = pytest.mark.integration

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
HOUR_MS = 3_600_000


class Surface:
    """Runs `tidegauge` with the addresses in the environment, under a prefix of its own."""

    def __init__(self, folder: Path, bootstrap: str, redis: str) -> None:
        self.folder, self.bootstrap = folder, bootstrap
        self.prefix = f"s{uuid.uuid4().hex[:8]}."
        self.port = free_ports(1)[0]
        self.environment = {
            **os.environ,
            "TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "TIDEGAUGE_REDIS__URL": redis,
            "TIDEGAUGE_PREFIX": self.prefix,
            "TIDEGAUGE_TOPICS__PARTITIONS": "4",
            "COLUMNS": "200",
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "stream.cli.main", *words]

    def run(self, *words: str, expect: int = 0) -> str:
        ended = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=60, check=False,
            cwd=self.folder, env=self.environment,
        )  # fmt: skip
        assert ended.returncode == expect, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stdout if not expect else ended.stderr

    def counts(self) -> dict[str, Any]:
        shards = json.loads(self.run("status", "--json"))["shards"]
        total: dict[str, Any] = {}
        for shard in shards:
            for topic, counts in shard["counts"].items():
                into = total.setdefault(topic, {"rows": 0, "accepted": 0, "dead": {}, "dropped": {}})
                into["rows"] += counts["rows"]
                into["accepted"] += counts["accepted"]
                for kind in ("dead", "dropped"):
                    for reason, number in counts[kind].items():
                        into[kind][reason] = into[kind].get(reason, 0) + number
        return total


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory, bootstrap: str, real_redis_url: str) -> Iterator[Surface]:
    folder = tmp_path_factory.mktemp("surface")
    made = Surface(folder, bootstrap, real_redis_url)
    assert "run `tidegauge topics create`" in made.run("worker", "--web-port", "0", expect=2)
    assert made.run("topics", "create").count("created") == 9
    assert made.run("topics", "create").count("as it must be") == 9
    write_february(folder / "february.parquet")
    block = README[README.index("    # planner.yaml") : README.index("Everything but `model` has a default")]
    (folder / "planner.yaml").write_text(re.sub(r"(?m)^ {4}", "", block))
    with (folder / "worker.log").open("wb") as log:
        command = made.command("worker", "--web-port", str(made.port), "--log", "json")
        worker = subprocess.Popen(command, stderr=log, env=made.environment, cwd=folder)
    yield made
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert time.monotonic() - asked < 5


def write_february(path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = 28 * 400
    at = 1_359_694_800_000 + np.arange(rows) * (24 * HOUR_MS // 400)  # 1 February 2013, New York
    score = rng.beta(2, 6, rows)
    pq.write_table(
        pa.table({
            "timestamp": pa.array(at, pa.timestamp("ms", tz="UTC")),
            "prediction_id": [f"f{i}" for i in range(rows)],
            "prediction": score,
            "label": np.where(rng.random(rows) < score, "late", "on time"),
            "label_timestamp": pa.array(at + 2 * HOUR_MS, pa.timestamp("ms", tz="UTC")),
            "carrier": rng.choice(["UA", "AA", "DL"], rows),
            "temp": rng.normal(35, 6, rows),
            "origin": rng.choice(["JFK", "EWR"], rows),
        }),
        path,
    )  # fmt: skip


def wait_for(condition: Any, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.3)
    return found


def test_say_what_to_watch(surface: Surface) -> None:
    dry = surface.run("apply", "-f", "planner.yaml", "--dry-run")
    assert "7 monitors" in dry
    assert "dry run: nothing was published" in dry
    assert "below" in dry  # the smallest change that can be seen, beside the one that was asked for
    assert "held out" in surface.run("apply", "-f", "planner.yaml")
    assert "nothing changes" in surface.run("apply", "-f", "planner.yaml")
    assert "nothing changes" in surface.run(
        "reference", "build", "february.parquet", "--model", "planner", "--held-out"
    )


def test_a_wrong_definition_names_line_key_and_nearest_name(surface: Surface) -> None:
    text = (surface.folder / "planner.yaml").read_text().replace("label_horizon", "label_horizn")
    (surface.folder / "wrong.yaml").write_text(text)
    message = surface.run("apply", "-f", "wrong.yaml", expect=2)
    line = 1 + text[: text.index("label_horizn")].count("\n")
    assert f"wrong.yaml:{line}" in message
    assert "label_horizon" in message


def test_schema_doctor_alerts_and_pages(surface: Surface) -> None:
    assert json.loads(surface.run("schema", "prediction"))["title"] == "Prediction"
    assert "MISSING" not in surface.run("doctor")
    assert surface.run("alerts", "--json") == ""

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{surface.port}/healthz", timeout=2) as answer:
                return bool(json.loads(answer.read())["shards"] == [0, 1, 2, 3])
        except OSError:
            return False

    wait_for(answers)
    with urllib.request.urlopen(f"http://127.0.0.1:{surface.port}/metrics", timeout=5) as answer:
        names = set(re.findall(r"(?m)^# TYPE (\S+)", answer.read().decode()))
    assert names
    assert all(name.startswith("tidegauge_") for name in names)


def test_bad_input_is_named_and_the_worker_goes_on(surface: Surface) -> None:
    now = int(time.time() * 1000)
    good = {"prediction_id": "x", "model": "planner", "timestamp_ms": now, "features": {}, "prediction": 0.5}
    bad = {
        "not-json": b'{"prediction_id": ',
        "utf8": b'{"prediction_id": "\xff"}',
        "empty": b"",
        "wrong-type": json.dumps(good | {"timestamp_ms": "soon"}).encode(),
        "missing-model": json.dumps({k: v for k, v in good.items() if k != "model"}).encode(),
        "nan": json.dumps(good | {"prediction": float("nan")}).encode(),
        "too-large": json.dumps(good).replace("0.5", "1e400").encode(),
        "unknown-type": json.dumps(good | {"type": "surprise"}).encode(),
        "surrogate": json.dumps(good).replace('"x"', '"\\ud800"').encode(),
        "features": json.dumps(good | {"features": {f"f{i}": 1.0 for i in range(10_000)}}).encode(),
        "batch": json.dumps({
            "type": "batch", "model": "planner", "prediction_ids": ["a", "b"], "timestamps_ms": [now],
        }).encode(),
    }  # fmt: skip
    fine = {
        "no-features": json.dumps(good | {"prediction_id": "no-features"}).encode(),
        "1e308": json.dumps(good | {"prediction_id": "1e308", "features": {"temp": 1e308}}).encode(),
        "future": json.dumps(good | {"prediction_id": "future", "timestamp_ms": now + 10**9}).encode(),
        "unknown-model": json.dumps(good | {"prediction_id": "u", "model": "nobody-declared"}).encode(),
        "1-MB": json.dumps(good | {"prediction_id": "big", "features": {"note": "n" * 900_000}}).encode(),
    }
    producer = Producer({"bootstrap.servers": surface.bootstrap, "partitioner": "murmur2_random"})
    for key, value in {**bad, **fine}.items():
        producer.produce(f"{surface.prefix}predictions", value, key.encode())
    assert producer.flush(20) == 0
    with Recorder(surface.bootstrap, model="planner", version="1", prefix=surface.prefix) as recorder:
        recorder.log(prediction_id="after", features={"carrier": "UA", "temp": 3.5}, prediction=0.2)
        recorder.label("after", "late")
        recorder.label("nobody-predicted-this", "late")
    wait_for(lambda: surface.counts()["predictions"]["rows"] >= len(bad) + len(fine) + 1)
    counts = surface.counts()["predictions"]
    assert counts["rows"] == counts["accepted"] + sum(counts["dead"].values()) + sum(counts["dropped"].values())
    letters = dead_letters(surface, len(bad))
    assert {raw for raw, _ in letters} == set(bad.values())
    for _, headers in letters:
        assert headers["topic"] == f"{surface.prefix}predictions"
        assert headers["partition"].isdigit()
        assert headers["offset"].isdigit()
        assert headers["reason"]
        assert headers["detail"]
    assert sum(counts["dead"].values()) == len(bad)
    assert b"nobody-declared" not in (surface.folder / "worker.log").read_bytes()


def dead_letters(surface: Surface, count: int) -> list[tuple[bytes, dict[str, str]]]:
    consumer = Consumer({
        "bootstrap.servers": surface.bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"
    })  # fmt: skip
    consumer.subscribe([f"{surface.prefix}dead-letters"])
    found: list[tuple[bytes, dict[str, str]]] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        for message in consumer.consume(100, 0.5):
            headers = {name: bytes(value or b"").decode() for name, value in message.headers() or ()}
            found.append((message.value() or b"", headers))
    consumer.close()
    return found


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status",), 3),
        (("topics", "create"), 3),
        (("doctor",), 3),
        (("worker", "--web-port", "0"), 3),
        (("worker", "-c", "nowhere.yaml"), 2),
        (("schema", "nonsense"), 2),
        (("apply", "-f", "nowhere.yaml"), 2),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    nowhere = Surface(tmp_path, "127.0.0.1:1", "redis://127.0.0.1:1")
    ended = subprocess.run(
        nowhere.command(*words), capture_output=True, text=True, timeout=60, check=False,
        cwd=tmp_path, env=nowhere.environment,
    )  # fmt: skip
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
    said = [line for line in (ended.stderr + ended.stdout).splitlines() if line.strip()]
    assert said
    assert any("check " in line or "nowhere" in line or "expected" in line for line in said)
