"""What the log says: which records count, and the catalog they add up to. Pure: bytes and offsets in."""

import enum
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from stream.definitions.pieces import Pieces
from stream.definitions.records import (
    DefinitionRecord,
    Head,
    RecordError,
    ReferenceManifest,
    content_hash,
    decode_grids,
    decode_record,
    decode_reference,
)
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.problems import DefinitionError
from stream.model.reference import Reference
from tidegauge.definition import Definition, FeatureGrid

_LOG: Final = logging.getLogger(__name__)


class Verdict(enum.Enum):
    """What became of a record."""

    ACCEPTED = "accepted"
    STORED = "stored"
    VOID = "void"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Revision:
    """A definition as it stands in the log, with its grids."""

    hash: str
    effective_from_ms: int
    definition: Definition
    grids: Mapping[str, FeatureGrid]


@dataclass(frozen=True)
class ModelHistory:
    """What the log holds of one model.

    Parameters
    ----------
    model
        Its name.
    head
        Hash of the newest accepted record; "" when there is none. The next one must name it.
    newest
        The newest revision, whether or not it holds yet.
    reference
        The newest reference that was built for `newest`'s `reference:`, with its `effective_from_ms`. None after
        that key was changed, until the new one is there.
    accepted
        Hashes of all accepted records, oldest first.
    """

    model: str
    head: str = ""
    newest: Revision | None = None
    reference: tuple[int, Reference] | None = None
    accepted: tuple[str, ...] = ()

    def following(self, record_hash: str) -> "ModelHistory":
        """Return the history with one accepted record more."""
        return replace(self, head=record_hash, accepted=(*self.accepted, record_hash))


@dataclass
class DefinitionLog:
    """Fold over the records of the `models` topic, in the order of their offsets.

    Every reader that has applied the same records has the same catalog: nothing but their order and content counts.

    Parameters
    ----------
    catalog
        Where to start from; empty by default.

    Notes
    -----
    Memory: every revision's definition and grids, the newest four references of a model, and at most 64 MB of slices
    that no head has named yet. `apply` costs a compile per accepted definition.
    """

    catalog: Catalog = field(default_factory=Catalog)
    next_offset: int = 0
    void: int = 0
    _histories: dict[str, ModelHistory] = field(default_factory=dict)
    _pieces: Pieces = field(default_factory=Pieces)

    @property
    def histories(self) -> Mapping[str, ModelHistory]:
        """Every model that has an accepted record."""
        return MappingProxyType(self._histories)

    def history(self, model: str) -> ModelHistory:
        """Return what the log holds of `model`; an empty history for one that is not declared."""
        return self._histories.get(model) or ModelHistory(model)

    def apply(self, raw: bytes, offset: int) -> Verdict:
        """Take the next record; one that was applied before is passed over.

        Returns
        -------
        Verdict
            ACCEPTED for a head that counts, STORED for a slice. VOID: it does not name the current head, so somebody
            else was first. INCOMPLETE: a slice it names is not before it. UNREADABLE: it is no record.

        Raises
        ------
        NewerRecordError
            When a newer version wrote it; nothing was changed.
        """
        if offset < self.next_offset:
            return Verdict.VOID
        verdict = self._judge(raw)
        self.next_offset = offset + 1
        if verdict not in {Verdict.ACCEPTED, Verdict.STORED}:
            self.void += 1
            _LOG.info("models offset %d: %s", offset, verdict.value)
        return verdict

    def _judge(self, raw: bytes) -> Verdict:
        record_hash = content_hash(raw)
        try:
            record = decode_record(raw)
            if isinstance(record, bytes):
                self._pieces.add(record_hash, record)
                return Verdict.STORED
            return self._head(record, record_hash)
        except RecordError as error:
            _LOG.warning("models: record %s is void: %s", record_hash, error)
            return Verdict.UNREADABLE

    def _head(self, record: Head, record_hash: str) -> Verdict:
        history = self.history(record.model)
        if record.previous != history.head:
            return Verdict.VOID
        slices = record.grids if isinstance(record, DefinitionRecord) else record.slices
        pieces = self._pieces.get(slices)
        if pieces is None:
            return Verdict.INCOMPLETE
        following = history.following(record_hash)
        if isinstance(record, ReferenceManifest):
            self._histories[record.model] = self._with_reference(following, record, decode_reference(record, pieces))
        else:
            revision = Revision(record_hash, record.effective_from_ms, record.definition, decode_grids(pieces))
            self._histories[record.model] = self._with_revision(following, revision)
        self._pieces.discard(slices)
        return Verdict.ACCEPTED

    def _with_revision(self, history: ModelHistory, revision: Revision) -> ModelHistory:
        kept = history.newest is None or history.newest.definition.reference == revision.definition.reference
        # Acceptance must not depend on this release's checks, or a stricter one would break every chain behind it.
        try:
            compiled = compile_model(revision.definition, revision.grids, revision.effective_from_ms)
            self.catalog = self.catalog.with_revision(compiled)
        except DefinitionError as error:
            _LOG.error("models: %s in the log cannot be used, the one before stays: %s", history.model, error)
        return replace(history, newest=revision, reference=history.reference if kept else None)

    def _with_reference(self, history: ModelHistory, manifest: ReferenceManifest, reference: Reference) -> ModelHistory:
        self.catalog = self.catalog.with_reference(reference, manifest.effective_from_ms)
        return replace(history, reference=(manifest.effective_from_ms, reference))
