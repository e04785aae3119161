"""From a definition file to a proposal: types, grids and reference, from the file it names or from the log."""

from pathlib import Path

import msgspec

from stream.definitions.chain import ModelHistory
from stream.definitions.plan import Proposal
from stream.definitions.yaml_file import DefinitionFile
from stream.errors import ConfigurationError
from stream.model.compiled import SCORE
from stream.model.problems import DefinitionError, Problem
from stream.reference.build import build_reference
from stream.reference.read import read_reference
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, FeatureType


def propose(file: DefinitionFile, history: ModelHistory, *, new_grids: bool = False) -> Proposal:
    """Work out what the model should be.

    Grids that are in the log stay, because bodies counted in other cells cannot be compared: a month of windows would
    be thrown away with them. `new_grids` makes them anew from the reference's file.

    Raises
    ------
    DefinitionFileError
        When the file does not say whether the model was trained on its reference.
    ReferenceFileError
        When the reference's file cannot be used.
    """
    path = file.reference_path
    if path is None:
        return without_file(file.definition, history)
    held_out = file.definition.reference.held_out
    if held_out is None:
        text = "say `held_out: true` when the model was not trained on this file, else `held_out: false`"
        raise file.located(DefinitionError([Problem("reference.held_out", text)]))
    table = read_reference(path, file.definition)
    known = {} if new_grids else known_grids(file.definition, history)
    try:
        built = build_reference(file.definition, table, held_out=held_out, grids=known)
    except DefinitionError as error:
        raise file.located(error) from error
    return Proposal(built.definition, built.grids, built.reference, built.notes)


def propose_reference(path: Path, history: ModelHistory, *, held_out: bool, new_grids: bool = False) -> Proposal:
    """Keep the newest definition, with a reference from another file.

    Raises
    ------
    ConfigurationError
        When the log has no definition of the model.
    ReferenceFileError
        When the file cannot be used.
    """
    if history.newest is None:
        raise ConfigurationError(
            f"{history.model} is not declared: write what it is to a file and run `tidegauge apply -f FILE` first"
        )
    definition = history.newest.definition
    table = read_reference(path, definition)
    known = {} if new_grids else known_grids(definition, history)
    built = build_reference(definition, table, held_out=held_out, grids=known)
    return Proposal(built.definition, built.grids, built.reference, built.notes)


def without_file(definition: Definition, history: ModelHistory) -> Proposal:
    """Keep the types and grids that were built or learnt before; those of new features are learnt."""
    features: dict[str, FeatureType] = dict(definition.features)
    if not features and history.newest is not None:
        features = dict(history.newest.definition.features)
    definition = msgspec.structs.replace(definition, features=features)
    return Proposal(definition, known_grids(definition, history))


def known_grids(definition: Definition, history: ModelHistory) -> dict[str, FeatureGrid]:
    """Grids in the log that still fit: of declared features (all, if none is declared) with the type they had."""
    newest = history.newest
    if newest is None:
        return {}
    fitting = {name: grid for name, grid in newest.grids.items() if name != SCORE and _fits(definition, name, grid)}
    # The score of another task is another number.
    if SCORE in newest.grids and definition.task == newest.definition.task:
        fitting[SCORE] = newest.grids[SCORE]
    return fitting


def _fits(definition: Definition, name: str, grid: FeatureGrid) -> bool:
    kind: FeatureType = "categorical" if isinstance(grid, CategoricalGrid) else "numeric"
    return definition.features.get(name, None if definition.features else kind) == kind
