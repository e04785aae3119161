"""A broker inside the test process, and a small reference file of a model whose days differ."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.kafka.embedded import EmbeddedBroker

DAY_MS = 86_400_000
START_MS = 1_359_676_800_000  # 2013-02-01, UTC
DAYS = 28

PLANNER = """\
model: planner
task: binary
positive: late
segments: [origin]
reference: {file: february.parquet, held_out: true}
windows: [1d]
monitors:
  - drift: {features: all}
  - drift: {subject: score}
  - performance: {metric: log_loss, drop: 0.01}
  - coverage: {}
  - latency: {slo: 50ms}
  - traffic: {}
"""


@pytest.fixture
def kafka() -> Iterator[dict[str, str]]:
    with EmbeddedBroker() as broker:
        broker.create(["models", "profiles", "predictions"])
        yield {"bootstrap.servers": broker.bootstrap}


@pytest.fixture(scope="session")
def february(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "february.parquet"
    pq.write_table(reference_rows(), path)
    return path


@pytest.fixture
def planner(tmp_path: Path, february: Path) -> Path:
    (tmp_path / "february.parquet").write_bytes(february.read_bytes())
    path = tmp_path / "planner.yaml"
    path.write_text(PLANNER)
    return path


def reference_rows(rows_per_day: int = 200) -> pa.Table:
    rng = np.random.default_rng(5)
    n = DAYS * rows_per_day
    day = np.repeat(np.arange(DAYS), rows_per_day)
    times = START_MS + day * DAY_MS + np.tile(np.arange(rows_per_day), DAYS) * 60_000
    temp = rng.normal(30, 8, n) + rng.normal(0, 5, DAYS)[day]
    score = 1 / (1 + np.exp(-(temp - 30) / 10))
    late = rng.random(n) < score
    return pa.table(
        {
            "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
            "prediction_id": [f"f{i}" for i in range(n)],
            "prediction": score,
            "label": np.where(late, "late", "on time"),
            "label_timestamp": pa.array(times + 3_600_000, pa.timestamp("ms", "UTC")),
            "latency_ms": rng.exponential(3, n),
            "temp": temp,
            "carrier": rng.choice(["AA", "UA", "DL"], n),
            "origin": rng.choice(["JFK", "EWR"], n),
        }
    )
