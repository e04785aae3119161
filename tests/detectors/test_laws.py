"""The laws of everything with state, over every case of law_cases.py."""

from typing import Any

import numpy as np
import pytest

from detectors.errors import LayoutError, SnapshotError
from detectors.sketch import Sketch
from tests.detectors.law_cases import DETECTORS, SKETCHES, Batch, DetectorCase, SketchCase

every_sketch = pytest.mark.parametrize("case", SKETCHES, ids=lambda case: case.name)
every_signed_sketch = pytest.mark.parametrize(
    "case", [case for case in SKETCHES if case.take_back], ids=lambda case: case.name
)
every_detector = pytest.mark.parametrize("case", DETECTORS, ids=lambda case: case.name)
every_state = pytest.mark.parametrize("case", [*SKETCHES, *DETECTORS], ids=lambda case: case.name)


def fed(case: SketchCase, *batches: Batch) -> Any:
    sketch = case.new()
    for batch in batches:
        case.feed(sketch, batch)
    return sketch


def draws(case: SketchCase, count: int, rows: int = 200) -> list[Batch]:
    rng = np.random.default_rng(count)
    return [case.draw(rng, rows) for _ in range(count)]


def merged(first: Any, *others: Any) -> Any:
    whole = type(first).from_snapshot(first.snapshot())
    for other in others:
        whole.merge(other)
    return whole


def assert_same(case: SketchCase, one: Any, other: Any) -> None:
    if case.close is None:
        assert one.snapshot() == other.snapshot()
    else:
        np.testing.assert_allclose(case.close(one), case.close(other), rtol=1e-9, atol=1e-9)


def rows_of(batch: Batch) -> list[Batch]:
    return [tuple(column[row : row + 1] for column in batch) for row in range(len(batch[0]))]


def used(case: SketchCase | DetectorCase) -> Any:
    if isinstance(case, SketchCase):
        return fed(case, *draws(case, 2))
    detector = case.new()
    for value in case.series(np.random.default_rng(1)):
        detector.update(value)
    return detector


@every_sketch
def test_has_the_verbs(case: SketchCase) -> None:
    assert isinstance(case.new(), Sketch)


@every_sketch
def test_merge_is_commutative(case: SketchCase) -> None:
    a, b = (fed(case, batch) for batch in draws(case, 2))
    assert_same(case, merged(a, b), merged(b, a))


@every_sketch
def test_merge_is_associative(case: SketchCase) -> None:
    a, b, c = (fed(case, batch) for batch in draws(case, 3))
    assert_same(case, merged(merged(a, b), c), merged(a, merged(b, c)))


@every_sketch
def test_empty_is_the_identity_of_merge(case: SketchCase) -> None:
    a = used(case)
    assert a.snapshot() != case.new().snapshot()
    assert merged(a, case.new()).snapshot() == a.snapshot()
    assert merged(case.new(), a).snapshot() == a.snapshot()


@every_sketch
def test_merge_equals_one_sketch_over_all_rows(case: SketchCase) -> None:
    batches = [*draws(case, 4), *case.hostile]
    assert_same(case, merged(*(fed(case, batch) for batch in batches)), fed(case, *batches))


@every_sketch
def test_merge_leaves_the_other_alone(case: SketchCase) -> None:
    first, second, third = draws(case, 3)
    whole, part = fed(case, first), fed(case, second)
    before = part.snapshot()
    whole.merge(part)
    case.feed(whole, third)
    assert part.snapshot() == before


@every_sketch
def test_merge_of_other_parameters_is_refused_and_changes_nothing(case: SketchCase) -> None:
    a = used(case)
    before = a.snapshot()
    for misfit in case.misfits:
        with pytest.raises(LayoutError):
            a.merge(misfit())
    assert a.snapshot() == before


@every_sketch
def test_batch_equals_one_by_one(case: SketchCase) -> None:
    (batch,) = draws(case, 1, rows=300)
    assert_same(case, fed(case, batch), fed(case, *rows_of(batch)))


@every_sketch
def test_empty_batch_changes_nothing(case: SketchCase) -> None:
    batch, other = draws(case, 2)
    nothing = tuple(column[:0] for column in other)
    assert fed(case, nothing).snapshot() == case.new().snapshot()
    assert fed(case, batch, nothing).snapshot() == fed(case, batch).snapshot()


@every_sketch
def test_constant_rows_are_ordinary_rows(case: SketchCase) -> None:
    (batch,) = draws(case, 1)
    constant = rows_of(batch)[0]
    sketch = fed(case, *[constant] * 50)
    assert_same(case, sketch, merged(fed(case, *[constant] * 20), fed(case, *[constant] * 30)))
    assert all(np.isfinite(part).all() for part in case.view(sketch))


@every_sketch
def test_hostile_rows_neither_raise_nor_spoil(case: SketchCase) -> None:
    before, after = draws(case, 2)
    clean, spoilt = fed(case, before, after), fed(case, before, *case.hostile, after)
    np.testing.assert_equal(case.view(spoilt), case.view(clean))
    assert type(spoilt).from_snapshot(spoilt.snapshot()).snapshot() == spoilt.snapshot()


@every_signed_sketch
def test_what_is_taken_back_was_never_there(case: SketchCase) -> None:
    assert case.take_back is not None
    kept, wrong = draws(case, 2)
    sketch = fed(case, wrong, kept, *case.hostile)
    for batch in (wrong, *case.hostile):
        case.take_back(sketch, batch)
    assert sketch.snapshot() == fed(case, kept).snapshot()
    negative = case.new()
    case.take_back(negative, kept)
    assert merged(negative, fed(case, kept)).snapshot() == case.new().snapshot()


@every_sketch
def test_snapshot_is_as_good_as_the_sketch(case: SketchCase) -> None:
    before, after = draws(case, 2)
    sketch = fed(case, before)
    copy = type(sketch).from_snapshot(sketch.snapshot())
    for one in (sketch, copy):
        case.feed(one, after)
    assert copy.snapshot() == sketch.snapshot()


@every_sketch
def test_memory_is_bounded(case: SketchCase) -> None:
    sketch = fed(case, *draws(case, 20, rows=2000), *case.hostile)
    assert len(sketch.snapshot()) <= case.max_bytes


@every_state
def test_snapshot_round_trip_gives_equal_bytes(case: SketchCase | DetectorCase) -> None:
    for state in (case.new(), used(case)):
        data = state.snapshot()
        assert isinstance(data, bytes)
        assert type(state).from_snapshot(data).snapshot() == data


@every_state
def test_damaged_snapshots_are_refused(case: SketchCase | DetectorCase) -> None:
    state = used(case)
    data = state.snapshot()
    lengths = {*range(min(len(data), 40)), *np.linspace(0, len(data) - 1, 40).astype(int).tolist()}
    for damaged in (*(data[:length] for length in lengths), data + b"\0", b"\xff" + data[1:], b"\0" + data[1:]):
        with pytest.raises(SnapshotError):
            type(state).from_snapshot(damaged)


@every_detector
def test_alarms_do_not_depend_on_restarts_or_skipped_values(case: DetectorCase) -> None:
    series = case.series(np.random.default_rng(2))
    plain, disturbed = case.new(), case.new()
    alarms = [at for at, value in enumerate(series) if plain.update(value)]
    found = []
    for at, value in enumerate(series):
        assert not any(disturbed.update(skipped) for skipped in case.skipped)
        if disturbed.update(value):
            found.append(at)
        disturbed = type(disturbed).from_snapshot(disturbed.snapshot())
    assert alarms
    assert found == alarms


@every_detector
def test_detector_is_bounded_and_calm_on_a_constant(case: DetectorCase) -> None:
    detector = case.new()
    assert not any(detector.update(0.25) for _ in range(5000))
    assert len(detector.snapshot()) <= case.max_bytes
