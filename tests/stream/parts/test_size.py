"""Bodies are small where they are sparse: the profile of a quiet day must not cost a megabyte."""

import numpy as np

from detectors.grid import make_grid
from stream.model.compile import compile_model
from stream.model.compiled import SCORE
from stream.model.layouts import wire_grid
from stream.parts.assemble import RawRows, assemble
from stream.parts.inputs import InputsPart
from stream.parts.store import PartStore
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid
from tidegauge.events import MAX_FEATURES


def body_sizes(rows: int, features: int) -> dict[str, int]:
    rng = np.random.default_rng(7)
    names = [f"f{i}" for i in range(features - 2)]
    grids = dict.fromkeys(names, wire_grid(make_grid(rng.normal(size=6_000))))
    grids |= {f"c{i}": CategoricalGrid([f"v{j}" for j in range(30)]) for i in range(2)}
    grids[SCORE] = wire_grid(make_grid(rng.random(6_000)))
    compiled = compile_model(Definition(model="m", task="binary"), grids)
    raw = RawRows(
        ids=[f"2013-02-01-UA-{i:05}" for i in range(rows)],
        timestamps_ms=np.zeros(rows, dtype=np.int64),
        predictions=rng.random(rows),
        features={name: rng.normal(size=rows) for name in names}
        | {f"c{i}": [f"v{j}" for j in rng.integers(0, 40, rows)] for i in range(2)},
        latency_ms=rng.lognormal(1, 1, rows),
    )
    store = PartStore()
    store.add_inputs(assemble(compiled, "", raw))
    return {key.part: len(store.snapshot(key)) for key in store}


def test_a_day_of_235_rows_and_15_features_takes_a_few_kilobytes() -> None:
    sizes = body_sizes(rows=235, features=15)
    assert sizes["inputs"] < 6_000
    assert sizes["service"] < 600


def test_the_largest_profile_fits_a_message() -> None:
    assert body_sizes(rows=20_000, features=512)["inputs"] < 800_000


def test_the_largest_profile_of_free_text_fits_a_message() -> None:
    names = [f"f{i}" for i in range(MAX_FEATURES)]
    grids: dict[str, FeatureGrid] = {name: CategoricalGrid([]) for name in names}
    grids[SCORE] = wire_grid(make_grid(np.linspace(0, 1, 6_000)))
    compiled = compile_model(Definition(model="m", task="binary"), grids)
    tide, wave = "\u6f6e" * 200, "\U0001f30a" * 200
    texts = [f"{tide}{row}" for row in range(10)] + [f"{row}{wave}" for row in range(40)]
    raw = RawRows(
        ids=[f"{row}-{tide}" for row in range(len(texts))],
        timestamps_ms=np.zeros(len(texts), dtype=np.int64),
        predictions=np.linspace(0, 1, len(texts)),
        features=dict.fromkeys(names, texts),
    )
    store = PartStore()
    store.add_inputs(assemble(compiled, "", raw))
    (body,) = (store.snapshot(key) for key in store if key.part == "inputs")
    assert 500_000 < len(body) < 800_000
    part = InputsPart.from_snapshot(body)
    assert sum(part.unseen[7].counts().values()) + part.unseen[7].other == len(texts)
