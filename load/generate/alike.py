"""Many models that are watched alike: one definition and reference under many names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from stream.definitions.chain import ModelHistory
from stream.definitions.plan import Proposal, plan_change
from stream.definitions.propose import propose
from stream.definitions.yaml_file import load_definition
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.reference import Reference


def records_for_all(path: Path, models: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records, with their keys, that declare each model as a definition file declares the first.

    Grids and reference are made once; only the name differs.
    """
    first = propose(load_definition(path), ModelHistory(models[0]))
    for model in models:
        records = plan_change(ModelHistory(model), named(first, model), None).records
        yield from ((model.encode(), record) for record in records)


def declared(path: Path) -> Catalog:
    """Return the catalog that a definition file comes to, its reference left out."""
    proposal = propose(load_definition(path), ModelHistory(""))
    return Catalog({proposal.model: [compile_model(proposal.definition, proposal.grids)]})


def named(proposal: Proposal, model: str) -> Proposal:
    """Return the same proposal for a model of another name."""
    definition = msgspec.structs.replace(proposal.definition, model=model)
    found = proposal.reference
    if found is not None:
        profiles = (msgspec.structs.replace(profile, model=model) for profile in found.profiles)
        found = Reference.of(model, profiles, held_out=found.held_out, source=found.source)
    return Proposal(definition, proposal.grids, found, proposal.notes)
