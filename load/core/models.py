"""Models of a generated load as a shard's catalog holds them, each with grids of its own."""

from typing import Final

import numpy as np

from detectors.grid import make_grid
from load.generate import LoadSpec
from load.generate.definition import DEFINITION, HORIZON
from load.generate.draw import Columns, Drawer, category_name
from stream.definitions.yaml_file import parse_definition
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import SCORE
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid

HEALTHY_ROWS: Final = 5_000
_APART: Final = 1e-6
"""Edges of one model lie this far beside those of the one before it: alike in shape, never the same grid."""


def catalog_of(spec: LoadSpec, window: str = "1m") -> Catalog:
    """Compile every model of a load; about a millisecond each."""
    healthy = Drawer(spec).draw(HEALTHY_ROWS)
    edges = _edges(spec, healthy)
    names = spec.model_names
    return Catalog(
        {
            name: [compile_model(_definition(spec, name, window), _grids(spec, edges, number * _APART))]
            for number, name in enumerate(names)
        }
    )


def _definition(spec: LoadSpec, name: str, window: str) -> Definition:
    kinds = dict.fromkeys(spec.numeric_names, "numeric") | dict.fromkeys(spec.categorical_names, "categorical")
    text = DEFINITION.format(
        model=name,
        horizon=HORIZON,
        age="30s",
        segments=", ".join(spec.segment_names),
        features="\n".join(f"  {feature}: {kind}" for feature, kind in kinds.items()),
        windows=window,
    )
    return parse_definition(text, name)[1]


def _edges(spec: LoadSpec, healthy: Columns) -> dict[str, np.ndarray]:
    edges = {name: make_grid(healthy.numbers[:, place]).edges for place, name in enumerate(spec.numeric_names)}
    return {**edges, SCORE: make_grid(healthy.scores).edges}


def _grids(spec: LoadSpec, edges: dict[str, np.ndarray], shift: float) -> dict[str, FeatureGrid]:
    grids: dict[str, FeatureGrid] = {name: NumericGrid((some + shift).tolist()) for name, some in edges.items()}
    known = [category_name(number) for number in range(spec.categories)]
    return {**grids, **{name: CategoricalGrid(known) for name in spec.categorical_names}}
