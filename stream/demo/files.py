"""The files the demo writes and runs on: the same a user would write by hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stream.demo.flights import Flights
from stream.demo.models import CATEGORICAL, Model
from stream.kafka.embedded import PARTITIONS

WORKER = """\
# What the demo's two workers run on. With a real Kafka and Redis only the two addresses change.
prefix: "{prefix}"
group: {group}
lateness: 10s
idle: never            # a replay: silence means nothing
retention: 1h
kafka:
  bootstrap.servers: {bootstrap}
redis:
  url: {redis}
topics: {{partitions: {partitions}, profile_partitions: {partitions}, replication: 1}}
{extra}"""

DEFINITION = """\
# {model}: P(arrival more than 15 minutes late), {moment}
model: {model}
task: binary
positive: late
threshold: 0.5
timezone: America/New_York
label_horizon: 2d
label_ages: [1h, 6h, 1d]
segments: [origin]
features:
{features}
reference: {{file: {reference}, held_out: true}}
windows: [1d, 7d]
false_alarms: {{page: 1/90d, warn: 1/30d, info: 1/7d}}
monitors:
  - drift: {{features: all}}
  - drift: {{subject: score}}
  - performance: {{metric: log_loss, drop: 0.05}}
  - calibration: {{}}
  - coverage: {{}}
  - latency: {{slo: 50ms, budget: 1%, windows: [1d]}}
  - errors: {{budget: 1%, windows: [1d]}}
  - traffic: {{windows: [1d]}}
"""

MOMENTS = {
    "planner": "from schedule and weather, at scheduled departure",
    "gate": "also from the departure delay, at departure",
}


@dataclass(frozen=True)
class DemoFiles:
    """Where the demo keeps what it wrote."""

    folder: Path

    @property
    def worker(self) -> Path:
        """Settings of the workers."""
        return self.folder / "tidegauge.yaml"

    @property
    def alerts(self) -> Path:
        """Every transition of every alert, one JSON object a line."""
        return self.folder / "alerts.jsonl"

    @property
    def reports(self) -> Path:
        """Every report, one JSON object a line."""
        return self.folder / "reports.jsonl"

    def definition(self, model: str) -> Path:
        """Name the file that says what to watch of a model."""
        return self.folder / f"{model}.yaml"

    def reference(self, model: str) -> Path:
        """Name the file of February, which the model was not trained on."""
        return self.folder / f"{model}-february.parquet"


def write_settings(files: DemoFiles, *, bootstrap: str, redis: str, prefix: str, group: str, extra: str = "") -> None:
    """Write `tidegauge.yaml`."""
    text = WORKER.format(
        bootstrap=bootstrap, redis=redis, prefix=prefix, group=group, partitions=PARTITIONS, extra=extra
    )
    files.worker.write_text(text, encoding="utf-8")


def write_definition(files: DemoFiles, model: Model) -> None:
    """Write `planner.yaml` or `gate.yaml`."""
    kinds = {name: "categorical" if name in CATEGORICAL else "numeric" for name in model.features}
    features = "\n".join(f"  {name}: {kind}" for name, kind in kinds.items())
    text = DEFINITION.format(
        model=model.name,
        moment=MOMENTS[model.name],
        features=features,
        reference=files.reference(model.name).name,
    )
    files.definition(model.name).write_text(text, encoding="utf-8")


def write_reference(
    files: DemoFiles,
    model: Model,
    flights: Flights,
    rows: "np.ndarray[Any, np.dtype[np.bool_]]",
    scores: "np.ndarray[Any, np.dtype[np.float64]]",
    times_ms: "np.ndarray[Any, np.dtype[np.int64]]",
) -> None:
    """Write the reference's rows: features, score, outcome and when the outcome was known."""
    columns: dict[str, Any] = {
        "timestamp": pa.array(times_ms[rows], pa.timestamp("ms", tz="UTC")),
        "prediction_id": [identifier for identifier, kept in zip(flights.ids, rows, strict=True) if kept],
        "prediction": scores[rows],
    }
    late, landed = flights.late[rows], flights.landed_ms[rows]
    columns["label"] = [None if np.isnan(value) else label_of(value) for value in late]
    columns["label_timestamp"] = pa.array(landed, pa.timestamp("ms", tz="UTC"), mask=np.isnan(late))
    for name in model.features:
        columns[name] = pa.array(flights.frame.loc[rows, name], from_pandas=True)
    pq.write_table(pa.table(columns), files.reference(model.name))


def label_of(late: float) -> str:
    """Return the label as the service says it."""
    return "late" if late else "on time"
