"""What a user would write to watch a generated model: its definition, and the healthy rows before the load begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from load.generate.draw import Columns, Drawer, category_name
from load.generate.events import prediction_id
from load.generate.spec import LoadSpec

HORIZON, HORIZON_MS = "1m", 60_000
DEFINITION = """\
model: {model}
task: binary
positive: "1"
label_horizon: {horizon}
label_ages: [{age}]
segments: [{segments}]
features:
{features}
reference: {{file: {model}.parquet, held_out: true}}
windows: [{windows}]
monitors:
  - drift: {{features: all}}
  - drift: {{subject: score}}
  - performance: {{metric: log_loss, drop: 0.05}}
  - calibration: {{}}
  - coverage: {{}}
  - latency: {{slo: 100ms, budget: 1%, windows: [{windows}]}}
  - errors: {{budget: 1%, windows: [{windows}]}}
"""
TRAFFIC = "  - traffic: {}\n"


@dataclass(frozen=True)
class Watch:
    """How a generated model is watched; durations as people write them.

    `reference_seconds` of healthy traffic end where the load begins; `reference_per_second` rows of it (None: at the
    load's own rate, which traffic monitors need); `traffic` False leaves their monitor out.
    """

    windows: Sequence[str] = ("1m",)
    horizon: str = HORIZON
    age: str = "30s"
    reference_seconds: float = 600.0
    reference_per_second: float | None = None
    traffic: bool = True


def write_definition(folder: Path, spec: LoadSpec, watch: Watch) -> Path:
    """Write the first model's definition and its reference; returns the definition's path."""
    model = spec.model_names[0]
    kinds = dict.fromkeys(spec.numeric_names, "numeric") | dict.fromkeys(spec.categorical_names, "categorical")
    text = DEFINITION.format(
        model=model,
        horizon=watch.horizon,
        age=watch.age,
        segments=", ".join(spec.segment_names),
        features="\n".join(f"  {name}: {kind}" for name, kind in kinds.items()),
        windows=", ".join(watch.windows),
    )
    path = folder / f"{model}.yaml"
    path.write_text(text + TRAFFIC * watch.traffic, encoding="utf-8")
    write_reference(folder / f"{model}.parquet", spec, watch)
    return path


def write_reference(path: Path, spec: LoadSpec, watch: Watch) -> None:
    """Write healthy rows of one model, drawn by another seed, as a Parquet file."""
    seconds, rate = watch.reference_seconds, watch.reference_per_second or spec.per_second / spec.models
    start_ms = spec.start_ms - round(seconds * 1000)
    healthy = replace(
        spec, seed=spec.seed + 1_000, models=1, per_second=rate, start_ms=start_ms, drifts=(), partition_skew=None
    )
    columns = Drawer(healthy).draw(round(rate * seconds))
    pq.write_table(_table(healthy, columns), path)


def _table(spec: LoadSpec, columns: Columns) -> pa.Table:
    labelled = columns.label_ms >= 0
    data: dict[str, Any] = {
        "timestamp": pa.array(columns.timestamps_ms, pa.timestamp("ms", tz="UTC")),
        "prediction_id": [prediction_id(spec, number) for number in range(len(columns))],
        "prediction": columns.scores,
        "latency_ms": columns.latencies_ms,
        "label": pa.array(columns.outcomes.astype(str), mask=~labelled),
        "label_timestamp": pa.array(columns.label_ms, pa.timestamp("ms", tz="UTC"), mask=~labelled),
    }
    for place, name in enumerate(spec.numeric_names):
        data[name] = pa.array(columns.numbers[:, place], from_pandas=True)
    texts = np.array([category_name(number) for number in range(spec.categories + 1)])
    for place, name in enumerate(spec.categorical_names):
        data[name] = texts[columns.categories[:, place]]
    for place, name in enumerate(spec.segment_names):
        values = np.array([f"{name}-{value}" for value in range(spec.segment_values)])
        data[name] = values[columns.segments[:, place]]
    return pa.table(data)
