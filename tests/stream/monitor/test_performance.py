"""Cost of a model-day in calls, which no load changes: the bound is generous, so that only a change of order fails."""

import cProfile
import pstats

import msgspec
import numpy as np

from detectors.grid import make_grid
from stream.model.compile import compile_model
from stream.model.compiled import SCORE, CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.parts.assemble import RawRows, assemble
from stream.parts.store import PartStore
from stream.timeline.durations import DAY_MS
from tests.stream.monitor.world import DAY_0, SHARDS, Maker, Shard, catalog_of
from tidegauge.codec import encode_profiles
from tidegauge.definition import CategoricalGrid, NumericGrid
from tidegauge.profiles import ProfileBundle

FEATURES = [f"f{i:02}" for i in range(14)]


def rows(number: int, n: int = 2000) -> RawRows:
    rng = np.random.default_rng(number + 500)
    return RawRows(
        ids=[f"{number}-{i}" for i in range(n)],
        timestamps_ms=(DAY_0 + number * DAY_MS + np.sort(rng.integers(0, DAY_MS, n))).astype(np.int64),
        predictions=rng.uniform(0.01, 0.99, n),
        features={name: rng.normal(size=n) + rng.normal(0, 0.1) for name in FEATURES}
        | {"kind": [str(x) for x in rng.integers(0, 6, n)]},
        segments={"site": [f"s{x}" for x in rng.integers(0, 4, n)]},
    )


def test_a_model_day_of_fifteen_features_and_four_segments_costs_little(compiled: CompiledModel) -> None:
    edges = make_grid(np.random.default_rng(1).normal(size=5000)).edges.tolist()
    scores = make_grid(np.random.default_rng(1).uniform(size=5000)).edges.tolist()
    grids = {name: NumericGrid(edges) for name in FEATURES}
    grids |= {"kind": CategoricalGrid([str(x) for x in range(6)]), SCORE: NumericGrid(scores)}
    features = dict.fromkeys(FEATURES, "numeric") | {"kind": "categorical"}
    definition = msgspec.structs.replace(compiled.definition, features=features, segments=["site"])
    wide = compile_model(definition, grids)
    store = PartStore()
    for number in range(-28, 0):
        store.add_inputs(assemble(wide, "", rows(number)), wide.reference_panes)
    profiles = [key.profile(store.snapshot(key)) for key in store]
    core = MonitorCore(0, catalog_of(wide, Reference.of("m", profiles, held_out=True)))
    shards = [Shard(wide, number) for number in range(SHARDS)]
    spent = []
    for number in range(5):
        messages = []
        for shard in shards:
            shard.store.add_inputs(assemble(wide, "v1", rows(number * SHARDS + shard.number, 500)))
            end_ms = DAY_0 + (number + 1) * DAY_MS
            messages += [shard.bundle(), shard.watermark(end_ms, end_ms)]
        with cProfile.Profile() as profile:
            for message in messages:
                core.apply(message)
            reports = core.advance()
            core.dirty_fields()
        spent.append(pstats.Stats(profile).total_calls)
        assert reports
    assert 1_000 < max(spent[2:]) < 130_000, spent


def test_an_empty_bundle_is_no_news(make: Maker) -> None:
    core = make()
    core.apply(encode_profiles(ProfileBundle([])))
    assert core.advance() == []
    assert core.dirty_fields() == {}
