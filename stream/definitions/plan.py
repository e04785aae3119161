"""What a change needs written: records in order, and the instants from which they hold. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stream.definitions.chain import ModelHistory
from stream.definitions.records import (
    DefinitionRecord,
    ReferenceManifest,
    content_hash,
    encode_grids,
    encode_head,
    encode_profiles,
)
from stream.model.boundaries import common_boundary
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS, CompiledModel
from stream.model.problems import DefinitionError
from stream.model.reference import Reference
from tidegauge.definition import Definition, FeatureGrid

MARGIN_MS: Final = 60_000
"""Event time between the newest event and a change: every worker has read the change before its first pane begins."""


@dataclass(frozen=True)
class Proposal:
    """What a model should be.

    Parameters
    ----------
    definition
        With features filled in where they are known.
    grids
        Of the features and the score; empty: they are learnt from the stream.
    reference
        None leaves the one in force.
    notes
        What was left out while building the reference, for people.
    """

    definition: Definition
    grids: Mapping[str, FeatureGrid]
    reference: Reference | None = None
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The model's name."""
        return self.definition.model


@dataclass(frozen=True)
class Change:
    """What to publish, in this order, and from when it holds; no records when nothing changes.

    Parameters
    ----------
    records
        Slices first, then the heads that name them.
    definition_from_ms, reference_from_ms
        Event times; `ALWAYS_MS` for a model's first. None: that one stays as it is.
    """

    records: tuple[bytes, ...] = ()
    definition_from_ms: int | None = None
    reference_from_ms: int | None = None


def plan_change(
    history: ModelHistory, proposal: Proposal, newest_event_ms: int | None, *, not_before_ms: int = ALWAYS_MS
) -> Change:
    """Compare a proposal with what is in the log.

    Parameters
    ----------
    history
        The model's, read to its end.
    proposal
        What it should be.
    newest_event_ms
        Greatest event time that any shard has reported; None when none has: then nothing was counted yet, and the
        change takes the place of the definition before.
    not_before_ms
        For what was learnt from the stream itself: the rows it was learnt from stay as they were counted, even when
        nothing was declared before. Minus infinity for what a person declares.

    Raises
    ------
    DefinitionError
        When the proposal cannot be compiled.
    """
    compiled = compile_model(proposal.definition, proposal.grids)
    slices: list[bytes] = []
    heads: list[bytes] = []
    definition_from_ms = reference_from_ms = None
    newest = history.newest
    if newest is None or (newest.definition, dict(newest.grids)) != (proposal.definition, dict(proposal.grids)):
        definition_from_ms = _definition_from(history, compiled, newest_event_ms, not_before_ms)
        slices.extend(encode_grids(proposal.grids))
        heads.append(_definition_head(history, proposal, slices, definition_from_ms))
    if proposal.reference is not None and not _in_force(history, proposal):
        reference_from_ms = _reference_from(history, definition_from_ms, newest_event_ms)
        profiles = encode_profiles(proposal.reference)
        slices.extend(profiles)
        previous = content_hash(heads[-1]) if heads else history.head
        heads.append(_manifest(previous, proposal.reference, profiles, reference_from_ms))
    return Change((*slices, *heads), definition_from_ms, reference_from_ms)


def _definition_head(history: ModelHistory, proposal: Proposal, slices: list[bytes], effective_from_ms: int) -> bytes:
    return encode_head(
        DefinitionRecord(
            model=proposal.model,
            previous=history.head,
            effective_from_ms=effective_from_ms,
            definition=proposal.definition,
            grids=tuple(map(content_hash, slices)),
        )
    )


def _manifest(previous: str, reference: Reference, profiles: tuple[bytes, ...], effective_from_ms: int) -> bytes:
    return encode_head(
        ReferenceManifest(
            model=reference.model,
            previous=previous,
            effective_from_ms=effective_from_ms,
            reference=reference.id,
            slices=tuple(map(content_hash, profiles)),
            held_out=reference.held_out,
            start_ms=reference.start_ms,
            end_ms=reference.end_ms,
            source=reference.source,
        )
    )


def _in_force(history: ModelHistory, proposal: Proposal) -> bool:
    """Whether the log has the reference, built for the same `reference:`."""
    if history.reference is None or history.newest is None or proposal.reference is None:
        return False
    same_spec = history.newest.definition.reference == proposal.definition.reference
    return same_spec and history.reference[1].id == proposal.reference.id


def _definition_from(
    history: ModelHistory, compiled: CompiledModel, newest_event_ms: int | None, not_before_ms: int
) -> int:
    """Return -infinity for the first revision, for a later one a boundary of both its panes and the panes before.

    Where only rules change (the same panes hold the same bodies) the instant need be no boundary: the first decision
    after it goes by the new rules.
    """
    if history.newest is None:
        return ALWAYS_MS if not_before_ms == ALWAYS_MS else compiled.next_boundary(not_before_ms)
    soonest_ms = ALWAYS_MS if newest_event_ms is None else newest_event_ms + MARGIN_MS
    instant = max(soonest_ms, history.newest.effective_from_ms, not_before_ms)
    if instant == ALWAYS_MS:
        return ALWAYS_MS
    return common_boundary(instant, list(_different_layouts(history, compiled)))


def _different_layouts(history: ModelHistory, compiled: CompiledModel) -> Iterator[CompiledModel]:
    """Yield both models when their panes or bodies differ; only the new one when the old cannot be compiled."""
    if history.newest is None:
        return
    try:
        before = compile_model(history.newest.definition, history.newest.grids)
    except DefinitionError:  # an older release took what this one does not
        yield compiled
        return
    if (before.panes, dict(before.layouts)) != (compiled.panes, dict(compiled.layouts)):
        yield from (before, compiled)


def _reference_from(history: ModelHistory, definition_from_ms: int | None, newest_event_ms: int | None) -> int:
    """Return the next decision's instant, not before the definition whose cells the reference counts."""
    if history.newest is None:
        return ALWAYS_MS if definition_from_ms is None else definition_from_ms
    definition_ms = history.newest.effective_from_ms if definition_from_ms is None else definition_from_ms
    before_ms = ALWAYS_MS if history.reference is None else history.reference[0]
    soonest_ms = ALWAYS_MS if newest_event_ms is None else newest_event_ms + MARGIN_MS
    return max(definition_ms, before_ms, soonest_ms)
