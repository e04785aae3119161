"""What `accumulate` counts is compared with a plain count, row by row, in pure Python."""

import math
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.model.compile import compile_model
from stream.model.compiled import SCORE
from stream.parts import grouping
from stream.parts.assemble import RawRows, assemble
from stream.parts.columns import Columns
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart
from stream.parts.service import ServicePart
from stream.parts.store import PartStore
from tidegauge.definition import CategoricalGrid, Definition, DriftMonitor, ErrorsMonitor, NumericGrid

EDGES = [0.0, 1.0, 2.5, 10.0]
SCORE_EDGES = [0.25, 0.5, 0.75]
CARRIERS = ["AA", "UA"]
COMPILED = compile_model(
    Definition(
        model="planner",
        task="binary",
        segments=["origin", "hub"],
        features={"temp": "numeric", "wind": "numeric", "carrier": "categorical"},
        monitors=[DriftMonitor(windows=["1h"]), ErrorsMonitor(windows=["5m"])],
    ),
    {
        "temp": NumericGrid(EDGES),
        "wind": NumericGrid(EDGES),
        "carrier": CategoricalGrid(CARRIERS),
        SCORE: NumericGrid(SCORE_EDGES),
    },
)
FINITE = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5, 9.0, 10.0, 1e308])
NUMBER = st.one_of(st.none(), FINITE, st.sampled_from([math.nan, math.inf, -math.inf]))
ROW = st.tuples(
    st.integers(min_value=0, max_value=2 * 3_600_000),  # time
    NUMBER,  # temp
    NUMBER,  # wind
    st.sampled_from(["AA", "UA", "ZZ", "YY", None]),  # carrier
    st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.9, 1.0])),  # prediction
    st.sampled_from(["JFK", "EWR", None]),
    st.sampled_from(["yes", None]),
    st.one_of(st.none(), st.sampled_from([0.0, 3.2, 499.0, 500.0, 501.0])),  # latency
    st.booleans(),  # error
    st.booleans(),  # on time
)
Row = tuple


def cell_of(value: float | None, edges: list[float]) -> int:
    if value is None or math.isnan(value):
        return len(edges) + 1
    return len(edges) + 2 if math.isinf(value) else bisect_right(edges, value)


def plain_counts(rows: list[Row]) -> dict[tuple, Counter]:
    """Count by (part, segment, pane, on time), one row after the other."""
    counts: dict[tuple, Counter] = {}
    for time, temp, wind, carrier, score, origin, hub, latency, error, on_time in rows:
        segments = ["", *([f"origin={origin}"] if origin else []), *([f"hub={hub}"] if hub else [])]
        score_32 = None if score is None else float(np.float32(score))
        cells = [
            ("temp", cell_of(temp, EDGES)),
            ("wind", cell_of(wind, EDGES)),
            (SCORE, cell_of(score_32, SCORE_EDGES)),
        ]
        cells.append(("carrier", 3 if carrier is None else CARRIERS.index(carrier) if carrier in CARRIERS else 2))
        for segment in segments:
            inputs = counts.setdefault(("inputs", segment, time // 600_000 * 600_000, on_time), Counter())
            inputs.update(["rows", *cells])
            inputs["score_units"] += round((score_32 or 0.0) * 2**24)
            if carrier in {"ZZ", "YY"}:
                inputs["unseen", carrier] += 1
            service = counts.setdefault(("service", segment, time // 50_000 * 50_000, on_time), Counter())
            service.update({"rows": 1, "errors": int(error), "stated": int(latency is not None)})
    return counts


def counted(store: PartStore) -> dict[tuple, Counter]:
    counts = {}
    for key, part in store.parts.items():
        counter = Counter({"rows": part.rows})
        if isinstance(part, InputsPart):
            for index, subject in enumerate(COMPILED.subjects):
                for cell, count in enumerate(part.cells.feature(index).tolist()):
                    counter[subject, cell] += count
            counter["score_units"] = part.score.total
            counter.update({("unseen", name): count for name, count in part.unseen[0].counts().items()})
        elif isinstance(part, ServicePart):
            counter.update({"errors": part.errors, "stated": part.latency_n})
        counts[key.part, key.segment, key.pane_start_ms, key.on_time] = counter
    return counts


def columns_of(rows: list[Row], ids: list[str]) -> Columns:
    times, temps, winds, carriers, scores, origins, hubs, latencies, errors, on_time = zip(*rows, strict=True)
    raw = RawRows(
        ids=ids,
        timestamps_ms=np.array(times, dtype=np.int64),
        predictions=scores,
        features={"temp": temps, "wind": winds, "carrier": carriers},
        segments={"origin": origins, "hub": hubs},
        latency_ms=latencies,
        error=np.array(errors),
        on_time=np.array(on_time),
    )
    return assemble(COMPILED, "1", raw)


def store_of(rows: list[Row], ids: list[str], cuts: list[int]) -> PartStore:
    store = PartStore()
    bounds = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    for start, end in pairwise(bounds):
        store.add_inputs(columns_of(rows[start:end], ids[start:end]))
    return store


@given(st.lists(ROW, min_size=1, max_size=60), st.lists(st.integers(min_value=0), max_size=5))
@settings(deadline=None, max_examples=150)
def test_counts_equal_a_plain_count_of_rows_however_they_are_split(rows: list[Row], cuts: list[int]) -> None:
    store = store_of(rows, [f"id-{i}" for i in range(len(rows))], cuts)
    # Unary plus drops zeros: a plain count has no entry for an empty cell.
    assert {key: +count for key, count in counted(store).items()} == {
        key: +count for key, count in plain_counts(rows).items()
    }


@given(st.lists(ROW, min_size=1, max_size=60), st.randoms(use_true_random=False), st.lists(st.integers(min_value=0)))
@settings(deadline=None, max_examples=100)
def test_order_and_split_of_rows_leave_no_trace_in_what_decides(
    rows: list[Row], random: Random, cuts: list[int]
) -> None:
    ids = [f"id-{i}" for i in range(len(rows))]
    shuffled = list(zip(rows, ids, strict=True))
    random.shuffle(shuffled)
    one = store_of(rows, ids, [])
    other = store_of([row for row, _ in shuffled], [name for _, name in shuffled], cuts)
    assert set(one.parts) == set(other.parts)
    for key, part in one.parts.items():
        assert exact_state(part) == exact_state(other[key])


def exact_state(part: AnyPart) -> list[bytes]:
    """Snapshots of everything but the float moments."""
    if isinstance(part, ServicePart):
        return [part.snapshot()]
    return [s.snapshot() for s in (part.cells, part.score, *part.unseen, part.evidence)]


@given(st.lists(ROW, min_size=1, max_size=40))
@settings(deadline=None, max_examples=50)
def test_counting_groups_in_turns_changes_nothing(rows: list[Row]) -> None:
    ids = [f"id-{i}" for i in range(len(rows))]
    at_once = counted(store_of(rows, ids, []))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_MAX_FLAT_CELLS", 1)
        assert counted(store_of(rows, ids, [])) == at_once


def test_slow_requests_are_those_above_the_slo() -> None:
    compiled = compile_model(Definition(model="m"))
    columns = assemble(
        compiled,
        "",
        RawRows(
            ids=list("abcd"),
            timestamps_ms=np.zeros(4, dtype=np.int64),
            predictions=[1.0] * 4,
            latency_ms=[500.0, 500.1, None, 900.0],
        ),
    )
    store = PartStore()
    store.add_inputs(columns)
    (part,) = (part for part in store.parts.values() if isinstance(part, ServicePart))
    assert (part.rows, part.latency_n, part.over_slo, part.errors) == (4, 3, 2, 0)


def test_moments_do_not_depend_on_the_split_beyond_rounding() -> None:
    rng = np.random.default_rng(1)
    rows = [
        (int(t), float(x), float(y), "AA", float(s), "JFK", None, None, False, True)
        for t, x, y, s in zip(
            rng.integers(0, 600_000, 500), rng.normal(1e6, 1, 500), rng.normal(size=500), rng.random(500), strict=True
        )
    ]
    ids = [f"id-{i}" for i in range(500)]
    one, many = (store_of(rows, ids, cuts) for cuts in ([], list(range(0, 500, 7))))
    for key, part in one.parts.items():
        if isinstance(part, InputsPart):
            other = many[key]
            assert isinstance(other, InputsPart)
            np.testing.assert_allclose(part.moments.mean, other.moments.mean, rtol=1e-12)
            np.testing.assert_allclose(part.moments.variance(), other.moments.variance(), rtol=1e-8)


def test_keys_say_what_the_parts_hold() -> None:
    row = (650_000, 1.0, 1.0, "AA", 0.5, "JFK", None, 1.0, False, False)
    store = store_of([row], ["a"], [])
    inputs, service = COMPILED.layouts["inputs"], COMPILED.layouts["service"]
    assert list(store) == [
        PartKey("planner", "1", "", "inputs", 600_000, 1_200_000, False, 0, inputs),
        PartKey("planner", "1", "origin=JFK", "inputs", 600_000, 1_200_000, False, 0, inputs),
        PartKey("planner", "1", "", "service", 650_000, 700_000, False, 0, service),
        PartKey("planner", "1", "origin=JFK", "service", 650_000, 700_000, False, 0, service),
    ]
