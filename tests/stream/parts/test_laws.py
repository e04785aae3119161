"""The laws of every part: merging, snapshots, bounds."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike

from detectors.errors import LayoutError, SnapshotError
from stream.model.compile import compile_model
from stream.model.compiled import SCORE, CompiledModel
from stream.parts.assemble import RawRows, assemble
from stream.parts.columns import OutcomeRows
from stream.parts.keys import PartKey
from stream.parts.part import AnyPart, load_part, new_part
from stream.parts.sample import SamplePart
from stream.parts.store import PartStore
from tidegauge.definition import CategoricalGrid, Definition, NumericGrid

FEATURES = {"x": "numeric", "y": "numeric", "c": "categorical"}
READY = compile_model(
    Definition(model="m", task="binary", features=FEATURES),
    {
        "x": NumericGrid(np.linspace(-3, 3, 50).tolist()),
        "y": NumericGrid([0.0]),
        "c": CategoricalGrid(["a", "b"]),
        SCORE: NumericGrid([0.5]),
    },
)
LEARNING = compile_model(Definition(model="m"))
MULTICLASS = compile_model(Definition(model="m", task="multiclass", classes=["a", "b", "c"]))
REGRESSION = compile_model(Definition(model="m", task="regression"))
DAY_MS = 86_400_000


def inputs_batch(compiled: CompiledModel, part: str) -> Callable[[int], AnyPart]:
    def batch(seed: int) -> AnyPart:
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(2, 40))
        raw = RawRows(
            ids=[f"{seed}-{row}" for row in range(40)],
            timestamps_ms=np.full(40, DAY_MS),
            predictions=(rng.integers(0, 2, 40) / 1.0).tolist(),
            features={"x": numbers[0], "y": numbers[1], "c": rng.choice(["a", "b", "z", "q"], 40).tolist()},
            latency_ms=rng.integers(1, 1000, 40).astype(float),
        )
        store = PartStore()
        store.add_inputs(assemble(compiled, "", raw))
        return next(store[key] for key in store if key.part == part)

    return batch


def outcome_batch(compiled: CompiledModel) -> Callable[[int], AnyPart]:
    def batch(seed: int) -> AnyPart:
        rng = np.random.default_rng(seed)
        store = PartStore()
        store.add_outcomes(outcome_rows(compiled, rng.integers(0, 2, 40), rng.integers(0, 2, 40), [1] * 40))
        return next(iter(store.parts.values()))

    return batch


def outcome_rows(compiled: CompiledModel, scores: ArrayLike, labels: ArrayLike, signs: Sequence[int]) -> OutcomeRows:
    count = len(signs)
    return OutcomeRows(
        compiled=compiled,
        version="",
        predicted_ms=np.full(count, DAY_MS),
        rung_ms=np.full(count, compiled.rungs_ms[0]),
        score=np.asarray(scores, dtype=np.float64),
        label=np.asarray(labels, dtype=np.float64),
        sign=np.asarray(signs, dtype=np.int64),
        on_time=np.ones(count, dtype=np.bool_),
    )


CASES = {
    "inputs": ("inputs", inputs_batch(READY, "inputs"), READY),
    "service": ("service", inputs_batch(READY, "service"), READY),
    "sample": ("sample", inputs_batch(LEARNING, "sample"), LEARNING),
    "binary": ("outcome", outcome_batch(READY), READY),
    "multiclass": ("outcome", outcome_batch(MULTICLASS), MULTICLASS),
    "regression": ("outcome", outcome_batch(REGRESSION), REGRESSION),
    "score": ("outcome", outcome_batch(LEARNING), LEARNING),
}
every_part = pytest.mark.parametrize(("name", "batch", "compiled"), CASES.values(), ids=CASES)


def empty(name: str, compiled: CompiledModel) -> AnyPart:
    return new_part(compiled, PartKey("m", "", "", name, 0, 1, True, 0, ""))


def merged(*parts: AnyPart) -> AnyPart:
    first, *others = parts
    for other in others:
        first.merge(other)  # type: ignore[arg-type]  # a case makes parts of one class
    return first


@every_part
def test_merging_in_any_order_gives_the_same_state(
    name: str, batch: Callable[[int], AnyPart], compiled: CompiledModel
) -> None:
    left = merged(merged(batch(1), batch(2)), batch(3))
    right = merged(batch(3), merged(batch(2), batch(1)))
    if name != "inputs":
        assert left.snapshot() == right.snapshot()
    else:  # whose float moments may differ in the last bits
        assert left.cells.snapshot() == right.cells.snapshot()
        assert left.score.snapshot() == right.score.snapshot()
        np.testing.assert_allclose(left.moments.m2, right.moments.m2, rtol=1e-12)


@every_part
def test_an_empty_part_changes_nothing(name: str, batch: Callable[[int], AnyPart], compiled: CompiledModel) -> None:
    assert merged(batch(1), empty(name, compiled)).snapshot() == batch(1).snapshot()
    assert merged(empty(name, compiled), batch(1)).snapshot() == batch(1).snapshot()


@every_part
def test_a_snapshot_brings_back_the_whole_state(
    name: str, batch: Callable[[int], AnyPart], compiled: CompiledModel
) -> None:
    body = batch(1).snapshot()
    assert load_part(name, body).snapshot() == body
    assert merged(load_part(name, body), batch(2)).snapshot() == merged(batch(1), batch(2)).snapshot()
    assert load_part(name, empty(name, compiled).snapshot()).snapshot() == empty(name, compiled).snapshot()


@every_part
def test_damaged_and_newer_bodies_are_refused(
    name: str, batch: Callable[[int], AnyPart], compiled: CompiledModel
) -> None:
    body = batch(1).snapshot()
    for bad in (b"", body[:-1], body + b"x", bytes([200]) + body[1:]):
        with pytest.raises(SnapshotError):
            load_part(name, bad)


@pytest.mark.parametrize("name", ["inputs", "service", "sample", "outcome"])
def test_parts_of_other_parameters_do_not_merge(name: str) -> None:
    other = compile_model(
        Definition(model="m", task="binary", threshold=0.3, features={"x": "numeric"}, monitors=[]),
        {"x": NumericGrid([1.0]), SCORE: NumericGrid([0.5])},
    )
    parts = (SamplePart(10), SamplePart(20)) if name == "sample" else (empty(name, READY), empty(name, other))
    with pytest.raises(LayoutError):
        merged(*parts)


@pytest.mark.parametrize("compiled", [READY, MULTICLASS, REGRESSION, LEARNING], ids=lambda c: c.task)
def test_a_correction_leaves_no_trace_of_what_it_replaced(compiled: CompiledModel) -> None:
    corrected, direct = PartStore(), PartStore()
    corrected.add_outcomes(outcome_rows(compiled, [1, 0, 1], [1, 0, 0], [1, 1, 1]))
    corrected.add_outcomes(outcome_rows(compiled, [1, 1], [0, 1], [-1, 1]))
    direct.add_outcomes(outcome_rows(compiled, [0, 1, 1], [0, 1, 1], [1, 1, 1]))
    (one,), (other,) = corrected.parts.values(), direct.parts.values()
    assert one.snapshot() == other.snapshot()
    assert one.labelled == 3


def test_failed_requests_are_labelled_but_no_outcome() -> None:
    store = PartStore()
    store.add_outcomes(outcome_rows(READY, [np.nan, 0.5], [1, 1], [1, 1]))
    (part,) = store.parts.values()
    assert (part.labelled, part.outcomes.n) == (2, 1)
