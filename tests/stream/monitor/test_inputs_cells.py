"""Cells read from a snapshot are those of the part, whatever their width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.cell_layout import CellLayout
from detectors.errors import SnapshotError
from stream.monitor.inputs_cells import InputsCells
from stream.parts.inputs import InputsPart

LAYOUT = CellLayout((4, 3, 5))
COUNTS = st.sampled_from([0, 1, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, 1 << 40])


def part_of(counts: list[int], scores: list[float]) -> InputsPart:
    part = InputsPart(LAYOUT, 1)
    part.rows = sum(counts[:4])
    part.cells.add(np.array(counts, dtype=np.int64))
    part.score.update(np.array(scores))
    return part


@given(st.lists(COUNTS, min_size=12, max_size=12), st.lists(st.floats(0, 1, width=32), max_size=5))
def test_of_a_part_and_of_its_snapshot(counts: list[int], scores: list[float]) -> None:
    part = part_of(counts, scores)
    total = np.ones(LAYOUT.total, dtype=np.int64)
    for cells in (InputsCells.of(part), InputsCells.read(part.snapshot())):
        assert (cells.rows, cells.counts.tolist()) == (part.rows, counts)
        assert (cells.score.n, cells.score.total) == (part.score.n, part.score.total)
        total += cells.counts
    assert total.tolist() == [1 + 2 * count for count in counts]


def test_a_pane_takes_a_byte_a_cell_while_its_counts_are_small() -> None:
    assert InputsCells.of(part_of([255] * 12, [])).counts.nbytes == 12
    assert InputsCells.of(part_of([256] * 12, [])).counts.nbytes == 24


def test_bytes_that_are_no_snapshot() -> None:
    with pytest.raises(SnapshotError):
        InputsCells.read(part_of([1] * 12, [0.5]).snapshot()[:30])
