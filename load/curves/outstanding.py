"""What predictions that wait for their label cost: the join, memory, Redis, and loading them at a takeover.

One shard without Kafka, by the profiler's own core and runner on a real Redis. Predictions are put into the join log as
the core does, in batches; those that get a label have real ids, the others random hashes, so that ten million of them
take seconds to make.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray
from redis import Redis

from load.curves.bench import DAY_LONG, Bench
from load.curves.curve import Curve, Panel, Row
from load.generate import PREDICTION, LoadSpec, Source
from load.generate.alike import declared
from load.generate.definition import write_definition
from load.resident import resident_bytes
from stream.app.allocator import return_free_pages, return_large_blocks
from stream.checkpoint import ShardName, SyncRunner, connect
from stream.checkpoint.values import Delta
from stream.model.catalog import Catalog
from stream.parts.hashes import hash_ids
from stream.profiler.join_log import PREDICTION_RECORD
from stream.profiler.messages import RawBatch
from stream.profiler.runs import Records
from stream.profiler.shard import ShardCore

BATCH, SLICE, LABELS = 2_000, 100_000, 20_000
PER_SECOND = 1_000.0
"""Predictions a second of event time; labels come in their order, so a batch of them touches one or two panes."""


def outstanding(bench: Bench) -> Curve:
    """Let more and more predictions wait for their label."""
    spec = bench.spec(per_second=PER_SECOND)
    path = write_definition(bench.folder, spec, DAY_LONG)
    rows = []
    for count in bench.points(100_000, 1_000_000, 10_000_000):
        # A process for each: memory that another point had used would be used again, and not seen.
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            rows.append(alone.submit(measure, bench.servers.redis_url, spec, path, bench.events(count)).result())
    about = (
        f"one shard, {PER_SECOND:,.0f} predictions a second; labels in batches of {BATCH:,}, in order of their "
        "predictions (decoding, look-up, settling, outcomes with one segment; the look-up alone), CPU of one thread; "
        "memory is resident, Redis' its own count; load: the shard taken over from Redis"
    )
    panels = (
        Panel("us of CPU a label", ("us/label", "look-up us/label")),
        Panel("B a prediction", ("memory B", "Redis B")),
        Panel("s", ("load s",), log=True),
    )
    return Curve("outstanding", about, rows, panels)


def measure(redis_url: str, spec: LoadSpec, path: Path, count: int) -> Row:
    """Measure one point in this process, with the allocator told what a worker tells it."""
    return_large_blocks()
    name = ShardName(f"outstanding-{count}.", "profiler", 0)
    catalog = declared(path)
    core = ShardCore(0, catalog)
    core.predictions(_raw([message.value for message in Source(spec).all(200).of(PREDICTION)], 0, spec.start_ms))
    before = _settled_bytes()
    runner = SyncRunner(connect(redis_url), name)
    runner.take_over()
    ids = [f"waits-{number}" for number in range(min(LABELS, count))]
    for records in _predictions(spec, count, hash_ids("standard", ids)):
        core.memory.joiner.predictions.append(records)
        if len(core.memory.joiner.predictions) % SLICE < BATCH:
            _commit(runner, core)
    _commit(runner, core)
    memory = max(_settled_bytes() - before, 0)  # a few records fit into what was free
    labels = _label_cost(core, ids, spec.start_ms + count * 1000 // int(PER_SECOND))
    return {"outstanding": count, **labels, "memory B": memory / count, **_stored(redis_url, name, catalog, count)}


def _settled_bytes() -> int:
    """Return resident memory once nothing is garbage and what is free was given back, as in a worker every minute."""
    gc.collect()
    return_free_pages()
    return resident_bytes()


def _predictions(spec: LoadSpec, count: int, known: NDArray[np.uint64]) -> Iterator[Records]:
    """Yield records in batches, of the contexts that the core knows by now; the first ones have the known hashes."""
    rng = np.random.default_rng(spec.seed)
    for first in range(0, count, BATCH):
        numbers = np.arange(first, min(first + BATCH, count))
        records = np.zeros(len(numbers), dtype=PREDICTION_RECORD.memory)
        records["hash"] = rng.integers(0, 1 << 63, len(numbers), dtype=np.uint64)
        ours = numbers[numbers < len(known)]
        records["hash"][: len(ours)] = known[ours]
        records["ts_ms"] = spec.start_ms + numbers * 1000 // int(PER_SECOND)
        records["context"] = rng.integers(0, spec.segment_values, len(numbers))
        records["score"] = rng.random(len(numbers))
        yield records


def _label_cost(core: ShardCore, ids: list[str], now_ms: int) -> dict[str, float]:
    """Return CPU microseconds of a label, all that a shard does with it, and of its look-up alone."""
    hashes = hash_ids("standard", ids)
    began = time.process_time()
    for first in range(0, len(ids), BATCH):
        core.memory.joiner.predictions.find(hashes[first : first + BATCH])
    looked_up = time.process_time() - began
    labels = [orjson.dumps({"prediction_id": i, "model": "standard", "label": 1, "timestamp_ms": now_ms}) for i in ids]
    batches = [_raw(labels[first : first + BATCH], first, now_ms) for first in range(0, len(ids), BATCH)]
    began = time.process_time()
    for batch in batches:
        core.labels(batch)
    joined = time.process_time() - began
    if (found := sum(core.memory.joiner.joined.values())) != len(ids):
        raise RuntimeError(f"{found} of {len(ids)} labels found their prediction")
    return {"us/label": joined / len(ids) * 1e6, "look-up us/label": looked_up / len(ids) * 1e6}


def _stored(redis_url: str, name: ShardName, catalog: Catalog, count: int) -> dict[str, float]:
    """Return what the shard holds in Redis for each prediction, and how long a successor takes to load it."""
    store = connect(redis_url)
    began = time.perf_counter()
    loaded = SyncRunner(store, name).take_over()
    core = ShardCore(0, catalog)
    core.load(loaded)
    seconds = time.perf_counter() - began
    if len(core.memory.joiner.predictions) < count:
        raise RuntimeError(f"{len(core.memory.joiner.predictions)} of {count} predictions were loaded")
    with Redis.from_url(redis_url) as client:
        used = sum(int(client.memory_usage(name.bucket(bucket), samples=0) or 0) for bucket in loaded.buckets)
        client.flushdb()
    return {"Redis B": used / count, "load s": seconds}


def _commit(runner: SyncRunner, core: ShardCore) -> None:
    appends, dropped = core.memory.joiner.predictions.take_changes()
    core.memory.joiner.labels.take_changes()
    fields: dict[bytes, bytes | None] = dict(core.take_fields())
    before = runner.seq
    outcome = runner.commit(Delta(fields, appends, dropped, dict(core.offsets)))
    if runner.seq == before:
        raise RuntimeError(f"a checkpoint did not land: {outcome}")


def _raw(values: Sequence[bytes], first: int, broker_ms: int) -> RawBatch:
    return RawBatch(0, list(range(first, first + len(values))), [broker_ms] * len(values), list(values))
