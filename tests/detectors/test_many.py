"""Grids and vocabularies of many models, side by side, answer as each would alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import vocabulary
from detectors.errors import LayoutError
from detectors.grid import Grid
from detectors.many_grids import ManyGrids
from detectors.vocabulary import ManyVocabularies, Vocabulary

DOUBLE = st.floats(allow_nan=True, allow_infinity=True)
EDGES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40, unique_by=lambda x: x + 0.0)
NAMES = st.lists(st.sampled_from([f"c{i}" for i in range(60)]), max_size=40, unique=True)


@given(st.lists(EDGES, min_size=1, max_size=20), st.lists(DOUBLE, max_size=20))
def test_cells_of_many_grids(edges: list[list[float]], values: list[float]) -> None:
    grids = [Grid(sorted(some)) for some in edges]
    many = ManyGrids(2)
    for number, grid in enumerate(grids):
        assert many.add([grid, grids[0]], [10 * number, 5]) == number
    with np.errstate(over="ignore"):
        near = [x for some in edges for e in some for x in (e, np.nextafter(e, np.inf), np.nextafter(e, -np.inf))]
    column = np.array([*values, *near])
    for number, grid in enumerate(grids):
        found = many.cells(np.column_stack([column, column]), np.full(len(column), number))
        expected = np.column_stack([grid.cells(column) + 10 * number, grids[0].cells(column) + 5])
        assert np.array_equal(found, expected)


def test_more_rows_than_are_searched_at_a_time() -> None:
    rng = np.random.default_rng(1)
    grids = [Grid(np.unique(rng.normal(size=30))) for _ in range(50)]
    many = ManyGrids(1)
    for grid in grids:
        many.add([grid], [0])
    values, models = rng.normal(size=(5_000, 1)), rng.integers(0, 50, 5_000)
    expected = [grids[model].cells(value)[0] for model, value in zip(models, values, strict=True)]
    assert many.cells(values, models).ravel().tolist() == expected


def test_a_grid_for_each_feature() -> None:
    with pytest.raises(LayoutError):
        ManyGrids(2).add([Grid([0.0])], [0])


@pytest.mark.parametrize("most", [1 << 22, 300])
@given(
    names=st.lists(NAMES, min_size=1, max_size=30),
    values=st.lists(st.one_of(st.none(), st.text("c123456", max_size=3))),
)
def test_codes_of_many_vocabularies(most: int, names: list[list[str]], values: list[str | None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_MOST_CELLS", most)
        vocabularies, many = [Vocabulary(some) for some in names], ManyVocabularies()
        for number, some in enumerate(vocabularies):
            assert many.add(some) == number
        for number, some in enumerate(vocabularies):
            codes, outside = many.codes(values, np.full(len(values), number))
            assert codes.tolist() == some.codes(values).tolist()
            assert outside.tolist() == np.flatnonzero(codes == some.unseen).tolist()
