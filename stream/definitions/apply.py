"""`tidegauge apply`: a definition file into the log, or what that would change."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stream.definitions.chain import ModelHistory
from stream.definitions.changes import changes_text
from stream.definitions.detectable import detectable_text
from stream.definitions.plan import Change, Proposal, plan_change
from stream.definitions.propose import propose, propose_reference
from stream.definitions.reader import READ_TIMEOUT_SECONDS, DefinitionReader
from stream.definitions.writer import DefinitionWriter
from stream.definitions.yaml_file import load_definition
from stream.kafka.topics import TopicNames
from stream.model.reference import Reference

NewestEvent = int | None | Callable[[], int | None]


@dataclass(frozen=True)
class Applied:
    """What was, or would be, done.

    Parameters
    ----------
    proposal
        The model as it should be.
    change
        What was published; no records when nothing changed.
    reference
        The one that holds with the definition: the new one, or the one in force. None: it is learnt.
    changes
        What changes, for people, one line each.
    """

    proposal: Proposal
    change: Change
    reference: Reference | None
    changes: tuple[str, ...]

    def detectable(self) -> tuple[str, ...]:
        """Return what each monitor could detect, one line each; takes seconds for large references."""
        return detectable_text(self.proposal.definition, self.proposal.grids, self.reference)


def apply_file(
    path: Path,
    settings: Mapping[str, str],
    topics: TopicNames,
    *,
    newest_event_ms: NewestEvent = None,
    dry_run: bool = False,
    new_grids: bool = False,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Applied:
    """Read a definition file, build its reference, and publish what differs from the log.

    Parameters
    ----------
    path
        The file; the reference's file is looked for relative to its folder.
    settings
        librdkafka's settings.
    topics
        Names of the topics.
    newest_event_ms
        Greatest event time that shards report (Unix ms), or what asks for it; None when none does. It is asked once the
        reference is built: that may take longer than a change is announced ahead.
    dry_run
        Publish nothing.
    new_grids
        Make grids anew from the reference's file, though the log has some.
    timeout_seconds
        For Kafka, for reading and for writing.

    Raises
    ------
    ConfigurationError
        When the file or its reference is wrong, or another change came first (`LostRaceError`).
    UnreachableError
        When Kafka does not answer.
    LostStateError
        When the log is cut short, or newer than this process.
    """
    file = load_definition(path)

    def from_file(history: ModelHistory) -> Proposal:
        return propose(file, history, new_grids=new_grids)

    log = _Log(settings, topics.models, timeout_seconds)
    return _apply(file.definition.model, from_file, log, newest_event_ms, dry_run=dry_run)


def apply_reference(
    path: Path,
    model: str,
    settings: Mapping[str, str],
    topics: TopicNames,
    *,
    held_out: bool,
    newest_event_ms: NewestEvent = None,
    dry_run: bool = False,
    new_grids: bool = False,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Applied:
    """Build a reference from a file and publish it for a model that is in the log; its rules stay as they are.

    Parameters
    ----------
    path
        The reference's file: Parquet or CSV.
    model
        Name of the model.
    settings, topics, newest_event_ms, dry_run, new_grids, timeout_seconds
        As of `apply_file`.
    held_out
        The model was not trained on the file. If false it gives no baseline of performance.

    Raises
    ------
    ConfigurationError
        When the model is not in the log or the file is wrong; for the rest as `apply_file`.
    """

    def from_log(history: ModelHistory) -> Proposal:
        return propose_reference(path, history, held_out=held_out, new_grids=new_grids)

    log = _Log(settings, topics.models, timeout_seconds)
    return _apply(model, from_log, log, newest_event_ms, dry_run=dry_run)


@dataclass(frozen=True)
class _Log:
    """Where the log is."""

    settings: Mapping[str, str]
    topic: str
    timeout_seconds: float


def _apply(
    model: str, make: Callable[[ModelHistory], Proposal], log: _Log, newest_event_ms: NewestEvent, *, dry_run: bool
) -> Applied:
    with closing(DefinitionReader(log.settings, log.topic)) as reader:
        reader.read_to_end(log.timeout_seconds)
        history, in_force = reader.log.history(model), reader.catalog.reference_for(model)
        proposal = make(history)
        change = plan_change(history, proposal, newest_event_ms() if callable(newest_event_ms) else newest_event_ms)
        if not dry_run:
            DefinitionWriter(log.settings, log.topic, reader).publish(model, change.records, log.timeout_seconds)
    return Applied(proposal, change, proposal.reference or in_force, changes_text(history, proposal, change))
