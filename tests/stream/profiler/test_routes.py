"""Rows of many models, counted together, give what they give one model after the other: names, contexts and parts."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from profiler_logs import START, bodies

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.parts import pending
from stream.profiler.admit import admit
from stream.profiler.config import Limits, ShardConfig
from stream.profiler.messages import RawBatch
from stream.profiler.routes import Routed, Routes
from stream.profiler.shard import ShardCore
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid

HOUR = 3_600_000
TIGHT = Limits(models=2, versions_per_model=2, values_per_segment=2, contexts=12)


class OneByOne(Routes):
    """Admits every row, and groups it by model."""

    def route(self, fields: Any, timestamps_ms: Any) -> Routed:
        groups, contexts = admit(fields, timestamps_ms, self._names, self._catalog)
        return Routed(contexts, [], groups)


def model(name: str, shift: float, **change: Any) -> Any:
    known = ["UA", "AA"] if shift else ["AA", "DL", "UA"]
    grids: dict[str, FeatureGrid] = {
        "temp": NumericGrid([shift, shift + 10.0, shift + 20.0, *([99.0] if shift > 1 else [])]),
        "carrier": CategoricalGrid(known),
    }
    task = change.pop("task", "binary")
    kind = {"multiclass": {"classes": ["late", "on time"]}, "binary": {"positive": "late"}}.get(task, {})
    if task != "multiclass":
        grids["__score__"] = NumericGrid([0.25, 0.5, 0.75 + shift / 100])
    from_ms = change.pop("from_ms", None)
    definition = Definition(**{
        "model": name, "task": task, "segments": ["origin"], "features": {"temp": "numeric", "carrier": "categorical"},
        "label_horizon": "2h", "label_ages": ["10m"], "windows": ["1h"], **kind, **change,
    })  # fmt: skip
    return compile_model(definition, grids) if from_ms is None else compile_model(definition, grids, from_ms)


def catalog() -> Catalog:
    return Catalog({
        **{f"alike{i}": [model(f"alike{i}", float(i))] for i in range(5)},
        "classes": [model("classes", 0.0, task="multiclass")],
        "price": [model("price", 1.0, task="regression", segments=[])],
        "two segments": [model("two segments", 2.0, segments=["origin", "hub"])],
        "to be revised": [model("to be revised", 1.0), model("to be revised", 2.0, from_ms=START + 900 * HOUR)],
        "reshaped": [model("reshaped", 0.0), model("reshaped", 3.0, segments=["hub"], from_ms=START + HOUR)],
        "ruled anew": [model("ruled anew", 1.0), model("ruled anew", 1.0, from_ms=START + 2 * HOUR + 100_000)],
        "shifted": [model("shifted", 0.5), model("shifted", 1.0, from_ms=START + 2 * HOUR + 600_000)],
        "revised": [model("revised", 0.0), model("revised", 3.0, from_ms=START + 2 * HOUR)],
    })  # fmt: skip


def logs(seed: int, count: int = 400) -> dict[str, list[bytes]]:
    rng = random.Random(seed)
    names = [*catalog().models, "learnt", "nobody", "nobody else"]
    rows, labels = [], []
    for number in range(count):
        name, at = rng.choice(names), START + number * 4 * HOUR // count
        rows.append({
            "prediction_id": f"id{rng.randrange(number + 1)}", "model": name, "version": rng.choice(["1", "2", "3"]),
            "timestamp_ms": at - rng.choice([0, 0, 0, 20_000]),
            "prediction": rng.choice([0.25, 0.5, 1.0, None, "late"]),
            "features": {"temp": rng.choice([None, -1.5, 5.0, 15.0, 1e308]), "carrier": rng.choice(["UA", "ZZ", None])},
            "segments": rng.choice([{}, {"origin": ""}, {"origin": "JFK", "hub": "a"}, {"origin": rng.choice("xyz")}]),
            "latency_ms": rng.choice([None, 3.0, 800.0]),
        })  # fmt: skip
        labels.append({
            "prediction_id": rows[-1]["prediction_id"], "model": rng.choice([name, name, name, ""]),
            "label": rng.choice(["late", "on time", 1.0]), "timestamp_ms": at + rng.choice([-5_000, 60_000, 3 * HOUR]),
        })  # fmt: skip
    return {
        "predictions": [json.dumps(row).encode() for row in rows],
        "labels": [json.dumps(x).encode() for x in labels],
    }


def batches(log: dict[str, list[bytes]], size: int) -> Iterator[tuple[str, RawBatch]]:
    for first in range(0, len(log["predictions"]), size):
        for role, values in log.items():
            some = values[first : first + size]
            yield role, RawBatch(0, list(range(first, first + len(some))), [-1] * len(some), list(some))


def count(log: dict[str, list[bytes]], limits: Limits, size: int, *, together: bool) -> ShardCore:
    core = ShardCore(0, catalog(), ShardConfig(retention_ms=HOUR // 2, bucket_ms=600_000, idle_ms=None, limits=limits))
    if not together:
        core._routes = OneByOne(core.names, core._resolver.kinds, core.rules.catalog)
    for role, batch in batches(log, size):
        assert getattr(core, role)(batch) == []
    return core


@pytest.mark.parametrize("limits", [Limits(), TIGHT])
@pytest.mark.parametrize(("seed", "size"), [(1, 400), (2, 100), (2, 150), (3, 7), (4, 1)])
def test_together_as_one_by_one(seed: int, size: int, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "LEAST_ROWS", 60)
    monkeypatch.setattr(pending, "ROWS_PER_KIND", 0)
    log = logs(seed)
    together, apart = count(log, limits, size, together=True), count(log, limits, size, together=False)
    assert len(together.store) > 100
    assert bodies(together.store) == bodies(apart.store)
    assert together.counts == apart.counts
    assert together.take_fields() == apart.take_fields()


def test_a_revision_that_is_to_come_keeps_nobody_from_the_fast_way() -> None:
    core = ShardCore(0, catalog(), ShardConfig())
    row = {"prediction_id": "a", "model": "to be revised", "timestamp_ms": START, "features": {}, "prediction": 0.5}
    assert core.predictions(RawBatch(0, [0], [-1], [json.dumps(row).encode()])) == []
    assert (core.store.held, len(core.store)) == (0, 2)  # inputs and service, once somebody looked


def test_rows_that_wait_are_found_counted_by_whoever_looks() -> None:
    core = count(logs(1), Limits(), 400, together=True)
    assert core.store.held < len(core.store)  # looking counted them
    assert core.store.held == len(core.store.parts) == len(core.store.dirty())


def test_a_pane_that_closes_with_waiting_rows_is_noticed() -> None:
    core = count(logs(1, 40), Limits(), 20, together=True)
    assert not core.store.closing(START - 1, START - 1)
    assert core.store.closing(START + 10 * HOUR, START - 1)
    core.store.count_pending()
    assert core.store.closing(START + 10 * HOUR, START - 1)
    core.store.take_dirty()
    assert not core.store.closing(START + 10 * HOUR, START + 10 * HOUR)
