"""One round of decisions: everything due, in order, and the alerts that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stream.model.compiled import CompiledModel
from stream.monitor import evaluate_inputs, evaluate_outcomes, evaluate_service
from stream.monitor.alert_book import AlertKey
from stream.monitor.burn_rate import Transition as BurnTransition
from stream.monitor.config import MonitorConfig
from stream.monitor.evaluate_inputs import decide_inputs
from stream.monitor.evaluate_outcomes import decide_outcomes
from stream.monitor.evaluate_service import burn, decide_late, decide_service, decide_traffic
from stream.monitor.facts import OutcomeFacts
from stream.monitor.fitting import counted_from_ms
from stream.monitor.judges import Judges, ModelJudges
from stream.monitor.learn import reach_of
from stream.monitor.narrator import narrate, retraining
from stream.monitor.outputs import Output
from stream.monitor.partial import NOTE, day_before_ms, missed_by, partial_versions
from stream.monitor.rules import BudgetRule, Rules
from stream.monitor.schedule import Due, Family, due_windows
from stream.monitor.scopes import burn_scope
from stream.monitor.state import MonitorState
from stream.monitor.streams import ALL_ROWS, ALL_VERSIONS, Stream
from stream.monitor.wakes import Wakes
from tidegauge.alerts import AlertKind
from tidegauge.reports import Report

_STATE_KINDS: tuple[AlertKind, ...] = ("tidegauge.state",)
_TRAFFIC_KINDS: tuple[AlertKind, ...] = ("traffic",)
_KINDS: Mapping[Family, tuple[AlertKind, ...]] = {
    Family.INPUTS: evaluate_inputs.KINDS,
    Family.SERVICE: (*evaluate_service.KINDS, *_TRAFFIC_KINDS),
    Family.LATE: _STATE_KINDS,
    Family.OUTCOME: evaluate_outcomes.KINDS,
}
_GRACE = 0.1
"""Part of a model's first window that may pass before its first event: traffic seldom begins with the day."""


@dataclass(frozen=True, slots=True)
class BurnDue:
    """A burn rate that begins or ceases to fire."""

    stream: Stream
    rule: BudgetRule
    transition: BurnTransition

    @property
    def order(self) -> tuple[int, int, str, int, int]:
        """As that of `Due`."""
        return (self.transition.at_ms, Family.SERVICE, self.stream.model, 0, 0)


class Decisions:
    """Decides what is due; `outputs` holds what came of it, in order, `models` whom it looked at."""

    def __init__(self, state: MonitorState, judges: Judges, config: MonitorConfig, wakes: Wakes) -> None:
        self.outputs: list[Output] = []
        self.models: list[str] = []
        self._wakes = wakes
        self._state = state
        self._judges = judges
        self._config = config
        self._facts: dict[AlertKey, OutcomeFacts] = {}

    def due(self) -> list[Due | BurnDue]:
        """Return everything that can be decided now, by instant."""
        predictions_ms = self._state.watermarks.predictions_ms
        outcomes_ms = self._state.watermarks.outcomes_ms
        found: list[Due | BurnDue] = []
        for model in sorted(self._state.progress):
            progress = self._state.progress[model]
            if self._wakes.asleep(model, progress, predictions_ms, outcomes_ms):
                continue
            self.models.append(model)
            reach = reach_of(self._state, self._judges, model)
            reached = min(predictions_ms, reach.windows_ms), min(outcomes_ms, reach.windows_ms)
            before = (dict(progress.decided_ms), progress.burned_ms)
            revisions = self._judges.revisions(model)
            found += due_windows(revisions, progress, *reached, self._config.retention_ms)
            found += self._burning(model, revisions, min(predictions_ms, reach.burn_ms))
            if (progress.decided_ms, progress.burned_ms) != before:
                progress.store(self._state.fields, model)
            self._wakes.sleep(model, revisions, progress, self._config.retention_ms)
        return sorted(found, key=lambda item: item.order)

    def decide(self, model: str, instant_ms: int, items: Sequence[Due | BurnDue]) -> None:
        """Decide what is due of one model and family at one instant, then tell of the alerts that changed."""
        self._facts.clear()
        family = Family(items[0].order[1])
        for item in items:
            if isinstance(item, Due):
                self._decide(item)
            else:
                self._hold(item)
        compiled = self._judges.catalog.compiled_for(model, instant_ms - 1)
        judges = self._judges.of(compiled, instant_ms)
        # Other families may be ahead or behind: what is let go of now would be found again at an earlier instant.
        self._state.alerts.release(model, _KINDS[family], judges.scopes)
        for transition in self._state.alerts.settle(model, instant_ms, _KINDS[family]):
            alert = narrate(self._state, judges, transition, self._facts.get(transition.key))
            self.outputs.append(alert)
            if transition.asks:
                self.outputs.append(retraining(alert))

    def _decide(self, due: Due) -> None:
        judges = self._judges.of(due.compiled, due.instant_ms)
        if due.family == Family.INPUTS:
            self._note_partial(due)
            for stream in self._streams(due.compiled, evaluate_inputs.KINDS):
                whole = self._whole_of_version(due, stream)
                report = decide_inputs(self._state, judges, stream, due, whole=whole, config=self._config)
                self._report(report, self._notes(due, stream))
        elif due.family == Family.SERVICE:
            self._decide_service(due, judges)
        elif due.family == Family.LATE:
            for stream in self._streams(due.compiled, _STATE_KINDS):
                if stream.segment == ALL_ROWS:
                    decide_late(self._state, stream, due, self._config)
        elif not due.ends:
            self._decide_outcomes(due, judges)

    def _decide_service(self, due: Due, judges: ModelJudges) -> None:
        for stream in self._state.service.streams(due.compiled.model):
            self._report(decide_service(self._state, judges, stream, due, self._config))
        # A segment that a new reference does not know is no longer judged: its alert ends.
        held = sorted(stream.segment for stream in self._state.alerts.streams(due.compiled.model, _TRAFFIC_KINDS))
        for segment in dict.fromkeys((ALL_ROWS, *judges.segments, *held)):
            whole = self._whole(due, Stream(due.compiled.model, ALL_VERSIONS, segment))
            self._report(decide_traffic(self._state, judges, segment, due, whole=whole))

    def _decide_outcomes(self, due: Due, judges: ModelJudges) -> None:
        observed_ms = max(self._state.progress_of(due.compiled.model).observed_ms, due.watched_ms)
        for stream in self._streams(due.compiled, evaluate_outcomes.KINDS):
            decided = decide_outcomes(
                self._state,
                judges,
                stream,
                due,
                whole=self._whole_of_version(due, stream),
                observed_ms=observed_ms,
                config=self._config,
            )
            if decided is not None:
                self._report(decided[0], self._notes(due, stream))
                self._remember(stream, decided[1])

    def _remember(self, stream: Stream, facts: OutcomeFacts) -> None:
        """Of several windows at one instant the one with the most mature labels speaks."""
        for kind in evaluate_outcomes.KINDS:
            key = AlertKey(*stream, kind)
            before = self._facts.get(key)
            if before is None or (facts.age_ms, -len(facts.length)) > (before.age_ms, -len(before.length)):
                self._facts[key] = facts

    def _hold(self, item: BurnDue) -> None:
        firing = item.transition.firing
        key = AlertKey(*item.stream, item.rule.kind)
        self._state.alerts.hold(key, burn_scope(item.transition.pair), [firing] if firing else [])

    def _report(self, report: Report | None, notes: Sequence[str] = ()) -> None:
        if report is not None:
            report = msgspec.structs.replace(report, notes=[*report.notes, *notes])
            complete = self._state.watermarks.complete
            self.outputs.append(report if complete else _incomplete(report))

    def _streams(self, compiled: CompiledModel, kinds: Sequence[AlertKind]) -> list[Stream]:
        """Versions and segments that have panes, or for which something of the family's own kinds still fires.

        What the other families have decided so far must not matter: they may be ahead or behind.
        """
        seen = self._state.panes.streams(compiled.model, compiled.inputs_part)
        return sorted({*seen, *self._state.alerts.streams(compiled.model, kinds)})

    def _whole_of_version(self, due: Due, stream: Stream) -> bool:
        """Whether a window is whole, its version was there to its end, and the reference has blocks of its hours."""
        if not due.scheme.fits_phase(due.window.end_ms, due.compiled.season):
            return False
        partial = self._state.progress_of(due.compiled.model).partial.get(_partial_key(due), ())
        return stream.version not in partial and self._whole(due, stream)

    def _whole(self, due: Due, stream: Stream) -> bool:
        """Whether a window was observed from its beginning, and all of it was counted alike."""
        if not self._observed(due):
            return False
        return due.window.start_ms >= counted_from_ms(self._judges.catalog, due, stream.attribute)

    def _observed(self, due: Due) -> bool:
        unseen_ms = self._state.progress_of(due.compiled.model).observed_ms - due.window.start_ms
        return unseen_ms <= _GRACE * due.scheme.length_ms

    def _notes(self, due: Due, stream: Stream) -> list[str]:
        progress = self._state.progress_of(due.compiled.model)
        return [NOTE] if stream.version in progress.partial.get(_partial_key(due), ()) else []

    def _note_partial(self, due: Due) -> None:
        """Note which versions were there for a part of a window only; its outcomes are judged much later."""
        if not self._observed(due):
            return
        model, least = due.compiled.model, min(self._config.rows_min, self._config.labelled_min)
        missed = missed_by(self._state.service, model, due.window, least)
        if missed:
            progress = self._state.progress_of(model)
            progress.missed[_partial_key(due)] = missed
            day_before = progress.missed.get(_day_before_key(due), {})
            found = partial_versions(missed, day_before, due.scheme)
            if found:
                progress.partial[_partial_key(due)] = found
            progress.store(self._state.fields, model)

    def _burning(self, model: str, revisions: Sequence[tuple[CompiledModel, Rules]], reached_ms: int) -> list[BurnDue]:
        progress = self._state.progress_of(model)
        if reached_ms <= progress.burned_ms:
            return []
        span = (progress.burned_ms, reached_ms)
        progress.burned_ms = reached_ms
        found = burn(self._state, revisions, model, span, self._config)
        return [BurnDue(stream, rule, transition) for stream, rule, transition in found]


def _partial_key(due: Due) -> str:
    return f"{due.scheme.length} {due.window.end_ms}"


def _day_before_key(due: Due) -> str:
    return f"{due.scheme.length} {day_before_ms(due.scheme, due.window.end_ms)}"


def _incomplete(report: Report) -> Report:
    return msgspec.structs.replace(report, complete=False)
