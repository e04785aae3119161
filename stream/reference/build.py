"""From a reference file to grids and profiles: what the stream would have counted over the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
import numpy as np

from detectors.grid import make_grid
from detectors.vocabulary import make_vocabulary
from stream.model.compile import compile_model
from stream.model.compiled import SCORE, CompiledModel
from stream.model.layouts import wire_grid
from stream.model.reference import Reference
from stream.parts.assemble import RawRows, Values, as_numbers, assemble, score_column
from stream.parts.encoding import category_text
from stream.parts.store import PartStore
from stream.reference.outcomes import label_rows, odd_predictions
from stream.reference.segments import limit_segments, without_repeats
from stream.reference.table import ReferenceFileError, ReferenceTable
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, FeatureType, NumericGrid

# Rows counted at a time: bounds the temporary arrays, 8 bytes for each row and feature.
_CHUNK_ROWS = 50_000
MAX_REFERENCE_PROFILES = 100_000
_KINDS: Mapping[FeatureType, type[FeatureGrid]] = MappingProxyType(
    {
        "numeric": NumericGrid,
        "categorical": CategoricalGrid,
    }
)


@dataclass(frozen=True)
class BuiltReference:
    """What `reference build` publishes.

    Parameters
    ----------
    definition
        With the types of all features filled in.
    grids
        By feature, and of the score under `SCORE`.
    reference
        The profiles.
    notes
        What was left out and why, for people.
    """

    definition: Definition
    grids: dict[str, FeatureGrid]
    reference: Reference
    notes: tuple[str, ...] = ()

    def compiled(self) -> CompiledModel:
        """Return the model that the profiles were counted under."""
        return compile_model(self.definition, self.grids)


def build_reference(
    definition: Definition,
    table: ReferenceTable,
    *,
    held_out: bool,
    grids: Mapping[str, FeatureGrid] = MappingProxyType({}),
) -> BuiltReference:
    """Make grids from a file's rows and count the rows by pane, segment and part.

    Parameters
    ----------
    definition
        Without `features`, numbers become numeric, text and booleans categorical.
    table
        The rows, see `read_reference`.
    held_out
        The model was not trained on these rows. If false there is no performance baseline: no outcomes are kept.
    grids
        Kept where they are of the feature's type: windows counted in other cells could not be compared any more.

    Raises
    ------
    ReferenceFileError
        If no row has a prediction, labels cannot be read, or there would be more than 100 000 profiles.
    DefinitionError
        If the definition, features filled in, cannot be compiled.
    """
    features: Mapping[str, FeatureType] = definition.features or infer_types(table.features)
    definition = msgspec.structs.replace(definition, features=dict(features))
    grids = make_grids(definition, table, grids)
    compiled = compile_model(definition, grids)
    table, repeat_notes = without_repeats(table, compiled.label_horizon_ms)
    table, segment_notes = limit_segments(table)
    odd = odd_predictions(definition, table.predictions)
    notes = (*table.notes, *odd, *repeat_notes, *segment_notes)
    store = PartStore()
    for first in range(0, len(table), _CHUNK_ROWS):
        columns = assemble(compiled, "", _raw_rows(table, slice(first, first + _CHUNK_ROWS)))
        store.add_inputs(columns, compiled.reference_panes)
    if held_out and table.labels is not None:
        outcomes, label_notes = label_rows(compiled, table)
        store.add_outcomes(outcomes, compiled.reference_panes)
        notes = (*notes, *label_notes)
    if len(store) > MAX_REFERENCE_PROFILES:
        raise ReferenceFileError(
            f"{table.source} makes {len(store)} profiles, at most {MAX_REFERENCE_PROFILES}: "
            "choose longer windows, fewer segments or a shorter file"
        )
    profiles = [key.profile(store.snapshot(key)) for key in store]
    reference = Reference.of(definition.model, profiles, held_out=held_out, source=table.source)
    return BuiltReference(definition, grids, reference, notes)


def infer_types(features: Mapping[str, Values]) -> dict[str, FeatureType]:
    """Return each feature's type: arrays of numbers are numeric, everything else is categorical."""
    return {name: "numeric" if isinstance(values, np.ndarray) else "categorical" for name, values in features.items()}


def make_grids(
    definition: Definition, table: ReferenceTable, known: Mapping[str, FeatureGrid] = MappingProxyType({})
) -> dict[str, FeatureGrid]:
    """Return grids for the definition's features and for the score: the known ones, else made from all rows."""
    grids: dict[str, FeatureGrid] = {}
    for name, kind in definition.features.items():
        values = table.features[name]
        if name in known and isinstance(known[name], _KINDS[kind]):
            grids[name] = known[name]
        elif kind == "numeric":
            grids[name] = wire_grid(make_grid(as_numbers(values)))
        else:
            grids[name] = wire_grid(make_vocabulary(map(category_text, values)))
    if definition.task != "multiclass":
        scores = score_column(definition, table.predictions)
        if not np.isfinite(scores).any():
            raise ReferenceFileError(f"{table.source}: no row has a prediction that task {definition.task} can read")
        grids[SCORE] = known.get(SCORE) or wire_grid(make_grid(scores))
    elif not grids:  # none at all would say that nobody has looked yet
        grids[SCORE] = CategoricalGrid(list(definition.classes))
    return grids


def _raw_rows(table: ReferenceTable, rows: slice) -> RawRows:
    return RawRows(
        ids=table.ids[rows],
        timestamps_ms=table.timestamps_ms[rows],
        predictions=table.predictions[rows],
        features={name: values[rows] for name, values in table.features.items()},
        segments={name: values[rows] for name, values in table.segments.items()},
        latency_ms=None if table.latency_ms is None else table.latency_ms[rows],
    )
