"""Types and grids of an undeclared model, from a sample of its rows."""

import numpy as np

from detectors.grid import make_grid
from stream.model.compiled import SCORE, CompiledModel
from stream.parts.sample import MAX_CATEGORIES, SamplePart
from tidegauge.definition import CategoricalGrid, FeatureGrid, NumericGrid


def grids_of(compiled: CompiledModel, sample: SamplePart) -> dict[str, FeatureGrid]:
    """Return a grid for every feature of a sample, and for the score.

    A declared feature has its declared type. Otherwise a feature is numeric unless more of the sampled rows had text
    in its place. A declared feature that no row had gets a grid of one edge, or no categories: it is missing.
    """
    declared = compiled.definition.features
    names = declared or sorted({*sample.names, *sample.categories})
    grids = {name: _grid(sample, name, declared.get(name)) for name in names}
    if compiled.task != "multiclass":
        grids[SCORE] = NumericGrid(make_grid(sample.scores).edges.tolist())
    elif not grids:  # none at all would say that nobody has looked yet
        grids[SCORE] = CategoricalGrid(list(compiled.definition.classes))
    return grids


def _grid(sample: SamplePart, name: str, declared: str | None) -> FeatureGrid:
    column = sample.column(name) if name in sample.names else np.full(1, np.nan)
    counts = sample.categories.get(name)
    texts = [] if counts is None else counts.top(MAX_CATEGORIES)
    present = int(np.count_nonzero(~np.isnan(column)))
    text_rows = 0 if counts is None else counts.total
    as_text = text_rows * len(sample.sample.hashes) > present * max(1, sample.rows)
    if declared == "categorical" or (declared is None and as_text):
        return CategoricalGrid([category for category, _ in texts if category != "__other__"])
    return NumericGrid(make_grid(column).edges.tolist())
