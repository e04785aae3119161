"""Rows whose feature names never repeat: few columns, and the sample that all of them would give."""

import json
import random
from typing import Any

import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import CompiledModel
from stream.parts.assemble import RawRows, assemble
from stream.parts.columns import Columns
from stream.profiler import columns as columns_module
from stream.profiler import wide_rows
from stream.profiler.config import ShardConfig
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from stream.timeline.durations import MS_PER_UNIT
from tidegauge.definition import Definition

DAY_0 = 1_704_067_200_000
CONFIG = ShardConfig(idle_ms=None, lateness_ms=10_000, retention_ms=10 * MS_PER_UNIT["d"])
SEGMENTED = Catalog().with_revision(compile_model(Definition(model="m", segments=["zone"])))


def rows(count: int, fresh: int, seed: int = 0) -> list[bytes]:
    """Rows of three days, some late, with names of their own beside one that all have."""
    rng = random.Random(seed)

    def value() -> Any:
        return rng.choice([rng.random(), rng.randrange(9), "text", True, None, [1.0, 2.0]])

    return [
        json.dumps(
            {
                "prediction_id": f"id-{row}",
                "model": "m",
                "timestamp_ms": DAY_0 + rng.randrange(3) * MS_PER_UNIT["d"] + row,
                "features": {"all": rng.random()}
                | {f"{rng.choice('az')}{rng.random()}".ljust(rng.choice([0, 129])): value() for _ in range(fresh)},
                "prediction": rng.random(),
                "segments": rng.choice([{}, {"zone": "east"}, {"zone": "west"}]),
            }
        ).encode()
        for row in range(count)
    ]


def parts(values: list[bytes], catalog: Catalog, size: int) -> dict[Any, bytes]:
    core = ShardCore(0, catalog, CONFIG)
    core.impatient = frozenset({"m"})
    for first in range(0, len(values), size):
        some = values[first : first + size]
        core.predictions(RawBatch(0, list(range(first, first + len(some))), [-1] * len(some), some))
    assert core.counts["predictions"].accepted == len(values)
    return {key: core.store.snapshot(key) for key in core.store if key.part == "sample"}


def widths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many columns of features are made, each time."""
    noted: list[int] = []

    def noting(compiled: CompiledModel, version: str, raw: RawRows) -> Columns:
        noted.append(len(raw.features))
        return assemble(compiled, version, raw)

    monkeypatch.setattr(columns_module, "assemble", noting)
    return noted


@pytest.mark.parametrize("catalog", [Catalog(), SEGMENTED], ids=["undeclared", "segmented"])
@pytest.mark.parametrize("fresh", [5, 30])
def test_names_that_never_repeat_make_few_columns_and_the_same_sample(
    catalog: Catalog, fresh: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = widths(monkeypatch)
    values = rows(300, fresh)
    once = parts(values, catalog, 400)
    assert max(noted) <= 1_024
    assert len(once) > 3
    assert parts(values, catalog, 7) == once
    monkeypatch.setattr(wide_rows, "MAX_COLUMNS", 1 << 30)
    assert parts(values, catalog, 400) == once


def test_a_declared_model_that_is_learnt_lays_out_its_own_features(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = widths(monkeypatch)
    declared = Definition(model="m", features={"all": "numeric"})
    parts(rows(60, 40), Catalog().with_revision(compile_model(declared)), 60)
    assert set(noted[1:]) == {1}  # before the first row there is no watermark: it is counted alone
