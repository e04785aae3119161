"""Batch messages through one shard's core: CPU per row and rows per second of one core, beside decoding the same bytes.

The same rows come as messages of their own, as batches whose columns are lists, and as batches of packed columns, in
turns, so that what slows the machine slows all of them. Everything but Kafka and Redis is in it: decoding, validation,
duplicates, join log, all profiles, checkpoints as a worker takes them. Labels are not.

    python -m load.batch_rows
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec
import numpy as np
import orjson

from load.core.models import catalog_of
from load.core.trial import land
from load.generate import LoadSpec
from load.generate.draw import Columns, Drawer
from load.generate.events import predictions
from stream.model.catalog import Catalog
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import ShardConfig
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from stream.profiler.typed import PlainPrediction
from tidegauge import PredictionBatch, encode
from tidegauge.columns import packed

CHECKPOINT_SECONDS: Final = 0.5
PLAIN_MESSAGES: Final = 2_000
ROWS_AT_ONCE: Final = 16_000
"""Of batch messages; a busy worker's poll brings far more."""


@dataclass(frozen=True)
class Form:
    """One way to send the rows: messages, how many come at once, and what only decodes them."""

    name: str
    messages: Sequence[bytes]
    at_once: int
    decode: Callable[[bytes], object]


def forms(spec: LoadSpec, columns: Columns, size: int) -> list[Form]:
    """Encode the rows in every form; `size` rows a batch message."""
    batches, at_once = list(_batches(spec, columns, size)), max(ROWS_AT_ONCE // size, 1)
    batch = msgspec.json.Decoder(PredictionBatch).decode
    plain = [orjson.dumps(event) for event in predictions(spec, columns, 0)]
    return [
        Form("rows", plain, PLAIN_MESSAGES, msgspec.json.Decoder(PlainPrediction).decode),
        Form("lists", [encode(some) for some in batches], at_once, batch),
        Form("packed", [encode(packed(some)) for some in batches], at_once, batch),
    ]


def _batches(spec: LoadSpec, columns: Columns, size: int) -> Iterator[PredictionBatch]:
    events = list(predictions(spec, columns, 0))
    for first in range(0, len(events), size):
        some = events[first : first + size]

        def column(name: str, some: Sequence[dict[str, Any]] = some) -> list[Any]:
            return [event.get(name) for event in some]

        def mapping(name: str, some: Sequence[dict[str, Any]] = some) -> dict[str, list[Any]]:
            return {key: [event[name][key] for event in some] for key in some[0][name]}

        yield PredictionBatch(
            prediction_ids=column("prediction_id"),
            model=some[0]["model"],
            version=some[0]["version"],
            timestamps_ms=column("timestamp_ms"),
            features=mapping("features"),
            predictions=column("prediction"),
            latencies_ms=column("latency_ms"),
            errors=column("error"),
            segments=mapping("segments"),
        )


def decode_seconds(form: Form) -> float:
    """CPU seconds of decoding every message into typed columns and forgetting it."""
    since = time.thread_time()
    for message in form.messages:
        form.decode(message)
    return time.thread_time() - since


def core_seconds(form: Form, catalog: Catalog, rows: int) -> float:
    """CPU seconds of counting every message; raises when a row is missing."""
    core = ShardCore(0, catalog, ShardConfig())
    checkpoints = Checkpoints(core, 1, 0)
    begun = since = time.thread_time()
    for first in range(0, len(form.messages), form.at_once):
        values: list[bytes | None] = list(form.messages[first : first + form.at_once])
        core.predictions(RawBatch(0, list(range(first, first + len(values))), [-1] * len(values), values))
        if time.thread_time() - since >= CHECKPOINT_SECONDS:
            land(checkpoints)
            since = time.thread_time()
    land(checkpoints)
    ended = time.thread_time()
    if core.counts["predictions"].accepted != rows:
        raise RuntimeError(f"{form.name}: {core.counts['predictions']} of {rows} rows")
    return ended - begun


def main() -> None:
    """Measure and print medians."""
    parser = argparse.ArgumentParser(prog="load.batch_rows", description="CPU per row of batch messages.")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=2_000, help="rows a batch message")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--event-rate", type=float, default=10_000.0, help="rows per second of event time")
    given = parser.parse_args()
    spec = LoadSpec(per_second=given.event_rate)
    catalog, columns = catalog_of(spec), Drawer(spec).draw(given.rows)
    every = forms(spec, columns, given.size)
    gc.disable()
    times = np.array(
        [[(decode_seconds(f), core_seconds(f, catalog, given.rows)) for f in every] for _ in range(given.repeats)]
    )
    gc.enable()
    base = median(times[:, 0, 1])
    print(f"{given.rows:,} rows, {given.size:,} a batch message, medians of {given.repeats}; CPU us a row")
    print(f"{'':8}{'B/row':>7}{'decode':>9}{'rows/s':>12}{'core':>9}{'rows/s':>12}{'core/decode':>13}{'to rows':>9}")
    for place, form in enumerate(every):
        decode, core = median(times[:, place, 0]), median(times[:, place, 1])
        size = sum(map(len, form.messages)) / given.rows
        print(
            f"{form.name:8}{size:7.0f}{decode / given.rows * 1e6:9.3f}{given.rows / decode:12,.0f}"
            f"{core / given.rows * 1e6:9.3f}{given.rows / core:12,.0f}{core / decode:13.2f}{core / base:9.2f}"
        )


if __name__ == "__main__":
    main()
