"""Sorted runs, buckets, and the ladder of labels."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.profiler.join_log import LABEL_RECORD, PREDICTION_RECORD, RecordFormat, TimedLog
from stream.profiler.ladder import LabelFact, changes, steps
from stream.profiler.runs import Records, SortedRuns

HOUR = 3_600_000
BATCHES = st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=12)


def records(hashes: list[int], times: list[int] | None = None, kind: RecordFormat = LABEL_RECORD) -> Records:
    out = np.zeros(len(hashes), dtype=kind.memory)
    out["hash"] = hashes
    out["ts_ms"] = times if times is not None else 0
    return out


@given(BATCHES, st.lists(st.integers(0, 25), max_size=10))
def test_runs_find_what_a_dictionary_finds(batches: list[list[int]], wanted: list[int]) -> None:
    runs, plain, number = SortedRuns(LABEL_RECORD.memory), {}, 0
    for hashes in batches:
        some = records(hashes)
        for i, key in enumerate(hashes):
            some["position"][i] = number
            plain.setdefault(key, []).append(number)
            number += 1
        runs.append(some)
    index, found = runs.find(np.array(wanted, dtype=np.uint64))
    got = Counter(zip(index.tolist(), found["position"].tolist(), strict=True))
    assert got == Counter((i, n) for i, key in enumerate(wanted) for n in plain.get(key, []))
    assert len(runs) == number


def test_runs_stay_few() -> None:
    runs = SortedRuns(LABEL_RECORD.memory)
    for i in range(1_000):
        runs.append(records([i]))
    assert len(runs._runs) <= 12


@pytest.mark.parametrize("kind", [PREDICTION_RECORD, LABEL_RECORD])
def test_a_log_comes_back_from_its_buckets(kind: RecordFormat) -> None:
    rng = random.Random(1)
    log, stored = TimedLog(kind, HOUR), {}
    assert kind.stored.itemsize == 24
    for _ in range(20):
        some = records([rng.randrange(50) for _ in range(30)], [rng.randrange(10 * HOUR) for _ in range(30)], kind)
        log.append(some)
        appends, dropped = log.take_changes()
        assert dropped == ()
        for name, data in appends.items():
            stored[name] = stored.get(name, b"") + data
    again = TimedLog(kind, HOUR)
    again.load(stored)
    hashes = np.arange(50, dtype=np.uint64)
    assert len(again) == len(log) == 600
    for name in kind.memory.names:
        assert sorted(log.find(hashes)[1][name].tolist()) == sorted(again.find(hashes)[1][name].tolist())


def test_buckets_expire_whole() -> None:
    log = TimedLog(LABEL_RECORD, HOUR)
    log.append(records([1, 2, 3], [0, HOUR - 1, HOUR]))
    assert log.free(HOUR - 1) == []
    assert log.free(HOUR) == [0]
    assert len(log) == 1
    appends, dropped = log.take_changes()
    assert (list(appends), dropped) == ([f"l|{HOUR}"], ("l|0",))


LABELS = st.lists(
    st.builds(
        LabelFact,
        ts_ms=st.integers(0, 30),
        position=st.integers(0, 1_000),
        age_ms=st.just(0),
        value=st.sampled_from([0.0, 1.0]),
        late=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda label: label.position,
)
RUNGS = (10, 20, 30)


def _with_rungs(labels: list[LabelFact]) -> list[LabelFact]:
    return [label._replace(age_ms=next(r for r in RUNGS if label.ts_ms <= r)) for label in labels]


@given(labels=LABELS, on_time=st.booleans())
def test_rungs_add_up_to_the_newest_label_of_their_age(*, labels: list[LabelFact], on_time: bool) -> None:
    labels = _with_rungs(labels)
    found = steps(labels, on_time=on_time)
    for rung in RUNGS:
        for late_too in (False, True):
            total = Counter()
            for step, n in found.items():
                if step.age_ms <= rung and (late_too or step.on_time):
                    total[step.label] += n
            young = [x for x in labels if x.ts_ms <= rung and (late_too or (on_time and not x.late))]
            newest = max(young, key=lambda x: (x.ts_ms, x.position), default=None)
            assert {label: n for label, n in total.items() if n} == ({newest: 1} if newest else {})


@given(labels=LABELS, on_time=st.booleans(), cut=st.integers(0, 6))
def test_changes_lead_from_before_to_after(*, labels: list[LabelFact], on_time: bool, cut: int) -> None:
    labels = _with_rungs(labels)
    before, after = steps(labels[:cut], on_time=on_time), steps(labels, on_time=on_time)
    total = Counter(before)
    for step, n in changes(before, after):
        total[step] += n
    assert {step: n for step, n in total.items() if n} == dict(after)
