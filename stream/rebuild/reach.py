"""From when on the log must be replayed, and whether it goes back that far: pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from stream.errors import ConfigurationError, LostStateError
from stream.model.catalog import Catalog
from stream.monitor.lookback import needed_from_ms
from stream.monitor.outputs import HistorySnapshot
from stream.monitor.schedule import PREFIX, Progress
from stream.monitor.streams import field_name
from stream.rebuild.instants import show
from stream.timeline.durations import format_duration

SLACK_MS: Final = 60_000
"""An event may carry a time up to 10 s ahead of the broker's clock, a label be 10 s older than its prediction: records
of an instant stand a minute of the broker's time before it at the earliest."""

BEGINNING_MS: Final = 0
_ADVICE: Final = "Begin anew without what is lost: tidegauge worker --cold-start (docs/operations.md)"


@dataclass(frozen=True)
class Need:
    """From when on one model's log is needed, and why as a clause."""

    model: str
    from_ms: int
    why: str


@dataclass(frozen=True)
class Span:
    """The records [start, stop) of one partition of an input topic.

    `begins_ms` is the broker's time of the first; None: the log is whole, nothing has left it. A log of which nothing
    remains begins never.
    """

    topic: str
    partition: int
    start: int
    stop: int
    begins_ms: int | None


def needs(
    catalog: Catalog, snapshots: Iterable[HistorySnapshot], judged: Collection[str], retention_ms: int
) -> list[Need]:
    """Return what each model needs, the latest instants first; `judged` are models that alerts or reports speak of."""
    found = {snapshot.model: _need(catalog, snapshot, retention_ms) for snapshot in snapshots}
    whole = "`history` holds nothing of it, so its log is needed from the beginning"
    unknown = [Need(model, BEGINNING_MS, whole) for model in judged if found.get(model) is None]
    known = [need for need in found.values() if need is not None]
    return sorted([*known, *unknown], key=lambda need: (-need.from_ms, need.model))


def _need(catalog: Catalog, snapshot: HistorySnapshot, retention_ms: int) -> Need | None:
    progress = msgspec.msgpack.decode(snapshot.fields[field_name(PREFIX, snapshot.model)], type=Progress)
    from_ms = needed_from_ms(catalog, snapshot.model, progress, retention_ms)
    if from_ms is None:
        return None
    reached_ms = max(progress.decided_ms.values(), default=max(progress.first_ms.values()))
    compiled = catalog.compiled_for(snapshot.model, reached_ms)
    longest_ms = max(scheme.length_ms for schemes in compiled.windows.values() for scheme in schemes)
    why = (
        f"label horizon {format_duration(compiled.label_horizon_ms)} and longest window {format_duration(longest_ms)} "
        f"before {show(reached_ms)}, up to which `history` tells of it"
    )
    return Need(snapshot.model, from_ms, why)


def latest_ms(found: Sequence[Need]) -> int | None:
    """Return the latest instant from which a replay serves every model; None without any."""
    return min((need.from_ms for need in found), default=None)


def check(from_ms: int, found: Sequence[Need], spans: Iterable[Span]) -> None:
    """Say why a replay from an instant cannot give the state that was lost.

    Raises
    ------
    LostStateError
        The log does not go back far enough, wherever one begins.
    ConfigurationError
        It does, but `from_ms` is too late, or before the log.
    """
    cut = [span for span in spans if span.begins_ms is not None]
    first = max(cut, key=_earliest, default=None)
    need = min(found, key=lambda need: need.from_ms, default=None)
    if first is not None and need is not None and need.from_ms < _earliest(first):
        raise LostStateError(
            f"the log is too short: {_begins(first)}, and model {need.model} needs it from {show(need.from_ms)} on "
            f"({need.why}). {_ADVICE}"
        )
    if need is not None and from_ms > need.from_ms:
        raise ConfigurationError(
            f"--from {show(from_ms)} is too late: model {need.model} needs the log from {show(need.from_ms)} on "
            f"({need.why}); name that or an earlier time"
        )
    if first is not None and from_ms < _earliest(first):
        until = "" if need is None else f" and {show(need.from_ms)} at the latest"
        raise ConfigurationError(
            f"--from {show(from_ms)} is before the log: {_begins(first)}; name {show(_earliest(first))} at the "
            f"earliest{until}"
        )


def _earliest(span: Span) -> int:
    """Return the first instant of which every record is sure to be there."""
    return (span.begins_ms or 0) + SLACK_MS


def _begins(span: Span) -> str:
    where = f"{span.topic}[{span.partition}]"
    if span.start == span.stop:
        return f"nothing is left of the {span.start} records of {where}"
    return f"{where} begins at {show(span.begins_ms or 0)}"
