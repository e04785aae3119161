"""From a definition and its grids to a compiled model."""

from collections.abc import Mapping

import numpy as np

from detectors.cell_layout import CellLayout
from detectors.grid import Grid
from detectors.vocabulary import Vocabulary
from stream.model.compiled import ALWAYS_MS, SCORE, CompiledModel
from stream.model.layouts import part_layouts, revision_hash
from stream.model.part_windows import live_panes, reference_panes, windows_by_part
from stream.model.problems import DefinitionError
from stream.model.validation import definition_problems, grid_problems
from stream.timeline.durations import parse_duration
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, LatencyMonitor, NumericGrid

Grids = dict[str, Grid | Vocabulary]


def compile_model(
    definition: Definition, grids: Mapping[str, FeatureGrid] | None = None, effective_from_ms: int = ALWAYS_MS
) -> CompiledModel:
    """Check a definition and work out everything that follows from it.

    Parameters
    ----------
    definition
        As written. Without `features`, the grids' names and types are the model's.
    grids
        Grid of each feature and, under `SCORE`, of the score (for multiclass, whose cells are the classes in any case,
        only where there is no other). While one is missing the result is `learning`.
    effective_from_ms
        Event time from which the revision holds.

    Raises
    ------
    DefinitionError
        With every problem found, if there is any.
    """
    grids = grids or {}
    problems = [*definition_problems(definition), *grid_problems(definition, grids)]
    if problems:
        raise DefinitionError(problems)
    features = _feature_types(definition, grids)
    known = _known_grids(definition, features, grids)
    learning = known is None
    numeric, categorical = ((), ()) if learning else _names_by_type(features)
    subjects = () if known is None else (*numeric, *categorical, SCORE)
    rungs_ms = _rungs(definition)
    slo_ms = _slo(definition)
    return CompiledModel(
        definition=definition,
        revision=revision_hash(definition, grids),
        effective_from_ms=effective_from_ms,
        learning=learning,
        numeric=numeric,
        categorical=categorical,
        grids=known or {},
        cell_layout=None if known is None else CellLayout(tuple(known[name].size for name in subjects)),
        segments=tuple(definition.segments),
        panes=live_panes(definition),
        reference_panes=reference_panes(definition),
        windows=windows_by_part(definition),
        layouts=part_layouts(definition, subjects, known or {}, rungs_ms, slo_ms),
        label_horizon_ms=rungs_ms[-1],
        rungs_ms=rungs_ms,
        lateness_ms=None if definition.lateness is None else parse_duration(definition.lateness),
        slo_ms=slo_ms,
    )


def _feature_types(definition: Definition, grids: Mapping[str, FeatureGrid]) -> dict[str, str]:
    if definition.features:
        return dict(definition.features)
    return {
        name: "numeric" if isinstance(grid, NumericGrid) else "categorical"
        for name, grid in grids.items()
        if name != SCORE
    }


def _known_grids(definition: Definition, features: Mapping[str, str], grids: Mapping[str, FeatureGrid]) -> Grids | None:
    """Return the grid of every subject, or None while one is missing."""
    known: Grids = {name: _grid(grids[name]) for name in features if name in grids}
    if definition.task == "multiclass":
        known[SCORE] = Vocabulary(tuple(definition.classes))
    elif SCORE in grids:
        known[SCORE] = _grid(grids[SCORE])
    # Classes alone are not enough: without any grid nobody has looked at this model's features yet.
    complete = SCORE in known and len(known) == len(features) + 1 and bool(grids)
    return known if complete else None


def _grid(grid: FeatureGrid) -> Grid | Vocabulary:
    if isinstance(grid, CategoricalGrid):
        return Vocabulary(tuple(grid.vocabulary))
    return Grid(np.array(grid.edges, dtype=np.float64))


def _names_by_type(features: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    numeric = tuple(sorted(name for name, kind in features.items() if kind == "numeric"))
    return numeric, tuple(sorted(set(features) - set(numeric)))


def _rungs(definition: Definition) -> tuple[int, ...]:
    horizon_ms = parse_duration(definition.label_horizon)
    ages = {parse_duration(age) for age in definition.label_ages}
    return (*sorted(age for age in ages if age < horizon_ms), horizon_ms)


def _slo(definition: Definition) -> int | None:
    slos = [parse_duration(m.slo) for m in definition.monitors if isinstance(m, LatencyMonitor)]
    return slos[0] if slos else None
