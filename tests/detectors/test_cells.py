import numpy as np
import pytest

from detectors.cell_counts import CellCounts
from detectors.cell_layout import CellLayout
from detectors.errors import LayoutError


def test_features_lie_one_behind_the_other() -> None:
    layout = CellLayout((4, 1, 3))
    assert layout.offsets.tolist() == [0, 4, 5]
    assert layout.total == 8
    assert [layout.bounds(feature) for feature in range(3)] == [slice(0, 4), slice(4, 5), slice(5, 8)]


def test_a_layout_may_be_empty() -> None:
    counts = CellCounts(CellLayout(()))
    counts.update(counts.layout.flat([]))
    assert counts.counts.size == 0


def test_counts_equal_a_count_by_hand() -> None:
    counts = CellCounts(CellLayout((3, 2)))
    counts.update(counts.layout.flat([np.array([0, 2, 2]), np.array([1, 0, 1])]))
    counts.update(counts.layout.flat([np.array([1]), np.array([1])]), weight=5)
    assert counts.feature(0).tolist() == [1, 5, 2]
    assert counts.feature(1).tolist() == [1, 7]


def test_a_negative_weight_takes_back() -> None:
    counts = CellCounts(CellLayout((3,)))
    counts.update(np.array([0, 1, 1]))
    counts.update(np.array([1]), weight=-1)
    assert counts.counts.tolist() == [1, 1, 0]


def test_grouped_counts_are_added() -> None:
    counts = CellCounts(CellLayout((3,)))
    counts.add(np.array([1, 0, 2]))
    counts.add(np.array([1, 1, 0]))
    assert counts.counts.tolist() == [2, 1, 2]
    with pytest.raises(LayoutError):
        counts.add(np.array([1]))


@pytest.mark.parametrize("cell", [-1, 3])
def test_a_cell_outside_is_refused_and_nothing_is_counted(cell: int) -> None:
    counts = CellCounts(CellLayout((3,)))
    with pytest.raises(LayoutError, match="layout of 3"):
        counts.update(np.array([0, cell]))
    assert not counts.counts.any()


def test_columns_must_be_those_of_the_layout() -> None:
    with pytest.raises(LayoutError, match="1 columns for 2"):
        CellLayout((3, 2)).flat([np.array([0])])


def test_a_feature_without_cells_is_refused() -> None:
    with pytest.raises(LayoutError):
        CellLayout((3, 0))
