"""What the stream has taught (types, grids, healthy blocks), written to the `models` topic as anybody's change is."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final

import msgspec

from stream.definitions.chain import ModelHistory
from stream.definitions.reader import DefinitionReader
from stream.definitions.records import (
    DefinitionRecord,
    ReferenceManifest,
    content_hash,
    encode_grids,
    encode_head,
    encode_profiles,
)
from stream.definitions.writer import DefinitionWriter, LostRaceError
from stream.errors import UnreachableError
from stream.model.compile import compile_model
from stream.model.compiled import ALWAYS_MS
from stream.monitor.outputs import LearnedModel, LearnedReference
from tidegauge.definition import Definition, FeatureGrid

_LOG: Final = logging.getLogger(__name__)

Learned = LearnedModel | LearnedReference


class LearnedWriter:
    """Writes in a thread, one change at a time; a change that somebody else overtook is tried again on top of theirs.

    Parameters
    ----------
    settings
        librdkafka's settings; needs READ and WRITE on the topic.
    topic
        Name of the `models` topic.
    fail
        Told about an error that no repetition cures.
    """

    def __init__(self, settings: Mapping[str, str], topic: str, fail: Callable[[BaseException], None]) -> None:
        self._settings = settings
        self._topic = topic
        self._fail = fail
        self._writing: asyncio.Task[None] | None = None

    def publish(self, output: Learned, on_done: Callable[[bool], Any]) -> bool:
        """Start writing; False while another change is being written."""
        if self._writing is not None and not self._writing.done():
            return False
        self._writing = asyncio.create_task(self._publish(output, on_done), name="learned")
        return True

    async def _publish(self, output: Learned, on_done: Callable[[bool], Any]) -> None:
        try:
            await asyncio.to_thread(self._write, output)
        except (UnreachableError, LostRaceError) as error:
            _LOG.warning("what was learnt is not in `models` yet: %s", error)
            on_done(False)
        except Exception as error:  # noqa: BLE001 - whatever it was, a task nobody awaits must not end in silence
            self._fail(error)
        else:
            on_done(True)

    def _write(self, output: Learned) -> None:
        with closing(DefinitionReader(self._settings, self._topic)) as reader:
            reader.read_to_end()
            model = output.model if isinstance(output, LearnedReference) else output.definition.model
            records = learned_records(output, reader.log.history(model))
            DefinitionWriter(self._settings, self._topic, reader).publish(model, records)


def learned_records(output: Learned, history: ModelHistory) -> tuple[bytes, ...]:
    """Return the records that add what was learnt to what is declared: slices, then the head; () if it is there.

    A declaration wins over what was learnt: only features, grids or a reference that are missing are filled in.
    """
    if isinstance(output, LearnedReference):
        return _reference(output, history)
    return _model(output, history)


def _model(output: LearnedModel, history: ModelHistory) -> tuple[bytes, ...]:
    """Return the definition with its grids; before it, for a model nobody declared, what it was counted under so far.

    A first record holds from minus infinity: without the one before, rows older than the grids would fall under them.
    """
    newest = history.newest
    if newest is None:
        undeclared = DefinitionRecord(
            model=output.definition.model,
            previous=history.head,
            effective_from_ms=ALWAYS_MS,
            definition=Definition(model=output.definition.model),
            grids=(),
        )
        first = encode_head(undeclared)
        return (first, *_revision(output.definition, output.grids, content_hash(first), output.effective_from_ms))
    if not compile_model(newest.definition, newest.grids).learning:
        return ()
    features = dict(newest.definition.features) or dict(output.definition.features)
    definition = msgspec.structs.replace(newest.definition, features=features)
    grids = {**output.grids, **{name: grid for name, grid in newest.grids.items() if name in output.grids}}
    effective_from_ms = max(output.effective_from_ms, newest.effective_from_ms)
    return _revision(definition, grids, history.head, effective_from_ms)


def _revision(
    definition: Definition, grids: Mapping[str, FeatureGrid], previous: str, effective_from_ms: int
) -> tuple[bytes, ...]:
    slices = encode_grids(grids)
    head = DefinitionRecord(
        model=definition.model,
        previous=previous,
        effective_from_ms=effective_from_ms,
        definition=definition,
        grids=tuple(map(content_hash, slices)),
    )
    return (*slices, encode_head(head))


def _reference(output: LearnedReference, history: ModelHistory) -> tuple[bytes, ...]:
    reference = output.reference
    if history.reference is not None and history.reference[1].id == reference.id:
        return ()
    if history.newest is not None and not _learns(history.newest.definition):
        return ()
    slices = encode_profiles(reference)
    head = ReferenceManifest(
        model=output.model,
        previous=history.head,
        effective_from_ms=output.effective_from_ms,
        reference=reference.id,
        slices=tuple(map(content_hash, slices)),
        held_out=reference.held_out,
        start_ms=reference.start_ms,
        end_ms=reference.end_ms,
        source=reference.source,
    )
    return (*slices, encode_head(head))


def _learns(definition: Definition) -> bool:
    return bool(definition.reference.learn or definition.reference.trailing)
