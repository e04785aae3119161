"""A shard agrees with the plain oracle on logs full of late rows, repeats, corrections, early and lost labels."""

from collections import defaultdict
from functools import reduce

import profiler_oracle as oracle
import pytest
from profiler_logs import random_logs, run

from stream.parts.part import AnyPart

SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_and_scores_are_the_oracles(seed: int) -> None:
    rows, labels = random_logs(seed)
    core = run(rows, labels)
    found = {}
    for key in core.store:
        if key.part == "inputs":
            part = core.store[key]
            start, end, *_ = part.cells.layout.offsets[0], part.cells.layout.sizes[0]
            missing = int(part.cells.counts[start + end - 2])
            found[*key[:3], key.pane_start_ms, key.on_time] = [part.rows, part.score.sum, missing]
    assert found == oracle.volumes(oracle.facts(rows, labels)[0])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rung", oracle.RUNGS)
@pytest.mark.parametrize("only_on_time", [True, False])
def test_outcomes_at_every_rung_are_the_oracles(seed: int, rung: int, *, only_on_time: bool) -> None:
    rows, labels = random_logs(seed)
    core = run(rows, labels)
    merged = defaultdict(list)
    for key in core.store:
        if key.part == "outcome" and key.age_ms <= rung and (key.on_time or not only_on_time):
            merged[*key[:3], key.pane_start_ms].append(core.store[key])
    expected = oracle.truth(oracle.facts(rows, labels)[0], rung, only_on_time=only_on_time)
    assert any(n for n, _, _ in expected.values())
    assert {key: numbers for key, parts in merged.items() if (numbers := _numbers(parts))[0]} == expected


def _numbers(parts: list[AnyPart]) -> list[float]:
    def merge(a: AnyPart, b: AnyPart) -> AnyPart:
        a = type(a).from_snapshot(a.snapshot())
        a.merge(b)
        return a

    whole = reduce(merge, parts)
    result = whole.outcomes.result()
    n = whole.labelled
    return [n, round(result["prevalence"] * n), round(result["mean_score"] * n * 64) / 64] if n else [0, 0, 0.0]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_row_is_accounted_for(seed: int) -> None:
    rows, labels = random_logs(seed)
    core = run(rows, labels)
    known, left_out = oracle.facts(rows, labels)
    counts = core.counts["predictions"]
    assert counts.balanced()
    assert core.counts["labels"].balanced()
    assert counts.accepted == len(known)
    assert counts.dropped == {reason: n for reason, n in left_out.items() if n}
    assert counts.messages == len(rows)
    assert counts.late == sum(not fact.on_time for fact in known)
