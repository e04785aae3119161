"""Which windows are due: each once, at its instant, in the order of instants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import msgspec

from stream.model.compiled import CompiledModel, PartName
from stream.monitor.fields import Fields
from stream.monitor.partial import Missed
from stream.monitor.rules import Rules
from stream.monitor.streams import field_name
from stream.timeline.windows import WindowScheme
from tidegauge.alerts import Window

PREFIX = "m"
FOREVER_MS = 1 << 62


class Family(IntEnum):
    """What is decided; at one instant in this order, so that an alert on outcomes finds the drift decided."""

    INPUTS = 0
    SERVICE = 1
    LATE = 2
    OUTCOME = 3


@dataclass(frozen=True, slots=True)
class Due:
    """One window of one model that can be decided now.

    Nobody watched windows of this length before `watched_ms`: panes from before may be forgotten by now or not.
    `ends`: nobody watches the family any more, and what fired of it ends here.
    """

    instant_ms: int
    family: Family
    compiled: CompiledModel
    scheme: WindowScheme
    window: Window
    age_ms: int = 0
    watched_ms: int = -FOREVER_MS
    ends: bool = False

    @property
    def seen(self) -> Window:
        """What is read of the window."""
        if self.window.start_ms >= self.watched_ms:
            return self.window
        return msgspec.structs.replace(self.window, start_ms=self.watched_ms)

    @property
    def order(self) -> tuple[int, int, str, int, int]:
        """By instant, then family, model, length and label age: the same wherever it is worked out."""
        return (self.instant_ms, self.family, self.compiled.model, self.scheme.length_ms, self.age_ms)


class Progress(msgspec.Struct):
    """How far one model was decided.

    Attributes
    ----------
    first_ms
        By part, the start of the earliest pane ever seen.
    decided_ms
        By family, window length and label age, the end of the last window decided.
    revisions
        How often reports were revised, by what they are of.
    learned
        What was learnt from the stream, by name: each once.
    awaits, awaits_ms
        What was learnt and is not in the catalog yet, "" for nothing: decisions go no further than this instant.
    sampled_ms
        Up to which midnight the sample was found too small to make grids from.
    snapshots, snapshot_day, snapshot_learned
        Snapshots written to `history` so far; the day (since 1970) of the last, and how much had been learnt by then.
    partial
        Versions that were there for a part of a window only, by the window's length and end. Noted as it closes: when
        its labels are in, the panes that tell may be gone.
    missed
        What such versions missed, and those that were nearly so, by the same: whether they do so every day.
    """

    first_ms: dict[str, int] = {}
    decided_ms: dict[str, int] = {}
    revisions: dict[str, int] = {}
    burned_ms: int = -(1 << 62)
    learned: list[str] = []
    awaits: str = ""
    awaits_ms: int = 0
    sampled_ms: int = -(1 << 62)
    snapshots: int = 0
    snapshot_day: int = -(1 << 62)
    snapshot_learned: int = 0
    partial: dict[str, list[str]] = {}
    missed: dict[str, dict[str, Missed]] = {}

    @property
    def observed_ms(self) -> int:
        """Lower limit of the first event's time: it lies in the earliest pane of every part."""
        return max(self.first_ms.values(), default=-FOREVER_MS)

    def store(self, fields: Fields, model: str) -> None:
        """Write it down."""
        fields.put(field_name(PREFIX, model), msgspec.msgpack.encode(self))


def due_windows(
    revisions: Sequence[tuple[CompiledModel, Rules]],
    progress: Progress,
    predictions_ms: int,
    outcomes_ms: int,
    retention_ms: int,
) -> Iterator[Due]:
    """Yield a model's due windows, and note them as decided.

    Parameters
    ----------
    revisions
        By `effective_from_ms`; a window belongs to the revision in force at its last instant.
    predictions_ms, outcomes_ms
        How far predictions have come, and predictions and labels together.
    retention_ms
        A window's late share is judged this much later.
    """
    bounds = [compiled.effective_from_ms for compiled, _ in revisions] + [FOREVER_MS]
    every = [compiled for compiled, _ in revisions]
    for index, ((compiled, rules), (from_ms, until_ms)) in enumerate(zip(revisions, pairwise(bounds), strict=True)):
        for family, scheme, delay_ms in _watched(compiled, rules, retention_ms):
            reached_ms = outcomes_ms if family == Family.OUTCOME else predictions_ms
            after_ms = _after(progress, family, scheme, delay_ms)
            if after_ms is None:
                continue
            watched_ms = watched_from(every, index, family, scheme)
            for window in scheme.closes(max(after_ms, from_ms), min(reached_ms - delay_ms, until_ms)):
                progress.decided_ms[_key(family, scheme, delay_ms)] = window.end_ms
                yield _due(family, compiled, scheme, window, delay_ms, watched_ms)
        end = _end_of_outcomes(index, rules, progress, until_ms)
        if end is not None and end.instant_ms <= outcomes_ms:
            progress.decided_ms[_key(Family.OUTCOME, end.scheme, 0)] = end.instant_ms
            yield end


def next_windows(
    revisions: Sequence[tuple[CompiledModel, Rules]], progress: Progress, retention_ms: int
) -> Iterator[Due]:
    """Yield the next window of each kind that is to be decided, however far the watermarks have come."""
    bounds = [compiled.effective_from_ms for compiled, _ in revisions] + [FOREVER_MS]
    for index, ((compiled, rules), (from_ms, until_ms)) in enumerate(zip(revisions, pairwise(bounds), strict=True)):
        for family, scheme, delay_ms in _watched(compiled, rules, retention_ms):
            after_ms = _after(progress, family, scheme, delay_ms)
            if after_ms is not None and (end_ms := scheme.next_close(max(after_ms, from_ms))) <= until_ms:
                yield _due(family, compiled, scheme, scheme.window(end_ms), delay_ms)
        end = _end_of_outcomes(index, rules, progress, until_ms)
        if end is not None:
            yield end


def watched_from(revisions: Sequence[CompiledModel], index: int, family: Family, scheme: WindowScheme) -> int:
    """Return since when windows of one length have been watched, without a break, up to revision `index`.

    -FOREVER_MS: from the beginning.
    """
    part: PartName = "outcome" if family == Family.OUTCOME else "inputs"
    while index and scheme in revisions[index - 1].windows[part]:
        index -= 1
    return revisions[index].effective_from_ms if index else -FOREVER_MS


def shortest_window(compiled: CompiledModel) -> WindowScheme:
    """Return the shortest windows of inputs."""
    return min(compiled.windows["inputs"], key=lambda scheme: scheme.length_ms)


def _end_of_outcomes(index: int, rules: Rules, progress: Progress, until_ms: int) -> Due | None:
    """Return the first closing of a revision that watches no outcomes: no other instant would end their alerts.

    None for the first revision and those that watch some, once it was decided, or where a revision ends before.
    """
    if not index or rules.outcomes:
        return None
    compiled = rules.compiled
    scheme = shortest_window(compiled)
    end_ms = scheme.next_close(compiled.effective_from_ms)
    if end_ms > until_ms or decided_until(progress, Family.OUTCOME, scheme, 0) >= end_ms:
        return None
    return Due(end_ms, Family.OUTCOME, compiled, scheme, scheme.window(end_ms), ends=True)


def _due(
    family: Family,
    compiled: CompiledModel,
    scheme: WindowScheme,
    window: Window,
    delay_ms: int,
    watched_ms: int = -FOREVER_MS,
) -> Due:
    age_ms = delay_ms if family == Family.OUTCOME else 0
    return Due(window.end_ms + delay_ms, family, compiled, scheme, window, age_ms, watched_ms)


def decided_until(progress: Progress, family: Family, scheme: WindowScheme, age_ms: int) -> int:
    """Return the end of the last window decided, far in the past when none was."""
    return progress.decided_ms.get(_key(family, scheme, age_ms), -FOREVER_MS)


def _after(progress: Progress, family: Family, scheme: WindowScheme, delay_ms: int) -> int | None:
    """Return the end of the last window decided, else the start of the first pane; None before there is one."""
    first_ms = progress.first_ms.get("service" if family == Family.SERVICE else "inputs")
    if first_ms is None:
        return None
    if family == Family.LATE:  # whatever the delay, which is a setting: else another one would begin at the first pane
        ends = (ms for name, ms in progress.decided_ms.items() if name.startswith(_key(family, scheme, "")))
        return max(ends, default=first_ms)
    return progress.decided_ms.get(_key(family, scheme, delay_ms), first_ms)


def _key(family: Family, scheme: WindowScheme, delay_ms: int | str) -> str:
    return f"{family.value} {scheme.length} {delay_ms}"


def _watched(compiled: CompiledModel, rules: Rules, retention_ms: int) -> Iterator[tuple[Family, WindowScheme, int]]:
    inputs = compiled.windows["inputs"]
    for scheme in inputs:
        yield Family.INPUTS, scheme, 0
    timezone = compiled.definition.timezone
    for length in rules.service_windows:
        yield Family.SERVICE, WindowScheme(length, timezone), 0
    yield Family.LATE, shortest_window(compiled), retention_ms
    if rules.outcomes:
        for scheme in compiled.windows["outcome"]:
            for age_ms in compiled.rungs_ms:
                yield Family.OUTCOME, scheme, age_ms
