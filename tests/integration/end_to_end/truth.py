"""Every report and alert of the lender's model, worked out from the raw log, the reference's file and the grids."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from integration.end_to_end.scenario import DAY, RUNGS_MS, SECOND, VERSION, WATCHED_DAYS
from integration.end_to_end.truth_cells import SCORE
from integration.end_to_end.truth_detectors import Found, Held, holm
from integration.end_to_end.truth_metric import Judge, until_final
from integration.end_to_end.truth_model import (
    FEATURES,
    HORIZON_MS,
    INPUTS,
    LABELLED_MIN,
    OUTCOME,
    OUTCOMES,
    ROWS_MIN,
    SEGMENTS,
    Day,
    Drift,
    Limits,
    Metric,
)
from integration.end_to_end.truth_service import burn_rates, errors, late_rows, traffic
from integration.end_to_end.truth_subject import Subject
from integration.end_to_end.truth_windows import Blocks, Numbers, daily, of_segment, outcome_numbers


class Truth:
    """The lender's model.

    Parameters
    ----------
    reference, predictions
        Rows with their days; columns `label_<age>` hold what counts at an age, and (predictions only) `revised_<age>`
        what counts when late rows do too.
    grids
        The definition's grids, by subject.
    limits
        As the reports state them.
    """

    def __init__(
        self, reference: pd.DataFrame, predictions: pd.DataFrame, grids: Mapping[str, Any], limits: Limits
    ) -> None:
        self.reference, self.predictions, self.grids, self.limits = reference, predictions, grids, limits
        self.drift: dict[tuple[str, int], dict[str, Drift]] = {}
        self.outcomes: dict[tuple[str, int, int], dict[str, Metric]] = {}
        self.held: list[Held] = []
        for segment in SEGMENTS:
            self.held += self._inputs(segment)
            self.held += self._outcomes(segment)
            rows = of_segment(predictions, segment)
            self.held += traffic(self.days(segment, beyond=2), self.traffic(segment), segment)
            self.held += errors(self.days(segment), segment)
            self.held += burn_rates(rows[rows["on_time"]], segment)
        self.held += late_rows(self.days(""))

    def traffic(self, segment: str) -> Blocks:
        """Return the rows of healthy days."""
        return Blocks(np.array([float(len(day)) for day in daily(self.reference, segment)]))

    def days(self, segment: str, beyond: int = 0) -> list[Day]:
        """Return the watched days of a segment, and some empty ones: time goes on until labels are final."""
        rows = of_segment(self.predictions, segment)
        found = []
        for index, day in enumerate(pd.date_range(WATCHED_DAYS[0], periods=len(WATCHED_DAYS) + beyond, freq="D")):
            mine = rows[rows["day"] == day]
            start, end = (int(t.timestamp() * 1000) for t in (day, day + pd.DateOffset(days=1)))
            found.append(Day(index, start, end, start >= self.first_whole_ms, mine[mine["on_time"]], mine))
        return found

    @cached_property
    def first_whole_ms(self) -> int:
        """No window is judged whose beginning nobody saw: the first event may come a hundredth of its length later."""
        first = int(self.predictions["ts"].min()) // (50 * SECOND) * 50 * SECOND
        return first - DAY // 100

    @cached_property
    def judged_age(self) -> int:
        """First label age at which the reference had 95 % of its labels."""
        labelled = {rung: int(self.reference[f"label_{rung}"].notna().sum()) for rung in RUNGS_MS}
        return next(rung for rung in RUNGS_MS if labelled[rung] >= 0.95 * labelled[HORIZON_MS])

    def _inputs(self, segment: str) -> Iterator[Held]:
        healthy = daily(self.reference, segment)
        subjects = [Subject(name, healthy, self.grids[name], self._limit(segment, name)) for name in (*FEATURES, SCORE)]
        for day in self.days(segment):
            state = day.state(len(day.on_time), ROWS_MIN)
            measured = {one.name: one.measure(day) for one in subjects}
            adjusted = holm([measured[name].p_value for name in FEATURES])
            decided = dict(zip(FEATURES, adjusted, strict=True)) | {SCORE: measured[SCORE].p_value}
            found: dict[str, list[Found]] = {"features": [], "score": [], "schema": []}
            for one in subjects:
                drift = measured[one.name]
                if state == "ok":
                    one.step(day, drift, decided[one.name])
                drift.sums = one.sums
                held = one.findings(day, drift)
                for kind, finding in held:
                    found[kind].append(finding)
                fires = state == "ok" and any(kind == one.kind for kind, _ in held)
                drift.state = "firing" if fires else state
            self.drift[segment, day.index] = {drift.subject: drift for drift in measured.values()}
            for kind, findings in found.items():
                yield Held(day.end_ms, INPUTS, (DAY, 0), VERSION, segment, kind, "inputs 1d", tuple(findings))

    def _outcomes(self, segment: str) -> Iterator[Held]:
        found = [one for rung in RUNGS_MS for one in self._outcomes_at(segment, rung)]
        for kind, *_ in OUTCOMES.values():
            mine = sorted((one for one in found if one.kind == kind), key=lambda one: (one.instant_ms, one.order))
            yield from until_final(mine)

    def _outcomes_at(self, segment: str, rung: int) -> Iterator[Held]:
        horizon = rung == HORIZON_MS
        reference = [outcome_numbers(d["score"], d[f"label_{rung}"]) for d in daily(self.reference, segment)]
        judges = {}
        for name in OUTCOMES:
            known = [r[name] for r in reference if name == "coverage" or r["labelled"] >= LABELLED_MIN]
            judges[name] = Judge(name, Blocks(np.array(known)), self._limit(segment, name))
        for day in self.days(segment):
            numbers = self.outcome_numbers(day, rung)
            self.outcomes[segment, day.index, rung] = {}
            for name, judge in judges.items():
                state = judge.state(day, numbers, rung, self.judged_age)
                if state == "ok":
                    recent = self._recent(segment, day, rung)[name] if horizon else np.nan
                    judge.step(day, numbers[name], recent, horizon=horizon)
                finding = judge.finding(day, numbers, horizon=horizon) if state in {"ok", "insufficient"} else None
                shown = "firing" if finding and state == "ok" else state
                self.outcomes[segment, day.index, rung][name] = judge.metric(shown, numbers[name])
                order = (day.end_ms + rung, OUTCOME, (DAY, rung))
                yield Held(*order, VERSION, segment, judge.kind, f"outcome 1d {rung}", (finding,) if finding else ())

    def outcome_numbers(self, day: Day, rung: int, *, revised: bool = False) -> Numbers:
        """Return the outcomes of a day's rows at a label age, late ones counted in or not."""
        rows = day.all_rows if revised else day.on_time
        return outcome_numbers(rows["score"], rows[f"{'revised' if revised else 'label'}_{rung}"])

    def _recent(self, segment: str, day: Day, rung: int) -> Numbers:
        """Return the outcomes of up to seven days up to this one, together."""
        last = [d.on_time for d in self.days(segment)[max(0, day.index - 6) : day.index + 1]]
        rows = pd.concat(last)
        return outcome_numbers(rows["score"], rows[f"label_{rung}"])

    def _limit(self, segment: str, subject: str) -> float:
        return self.limits.get((segment, "score" if subject == SCORE else subject), 5.0)
