import numpy as np
import pytest
import xxhash

from detectors.bottom_k import BottomK
from detectors.errors import LayoutError


def offer(sample: BottomK, ids: list[str], values: np.ndarray) -> None:
    sample.update(np.array([xxhash.xxh3_64_intdigest(name.encode()) for name in ids], dtype=np.uint64), ids, values)


def test_the_rows_with_the_smallest_hashes_are_kept() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.permutation(10_000).astype(np.uint64)
    sample = BottomK(k=100, width=1)
    for batch in np.array_split(hashes, 30):
        sample.update(batch, [str(number) for number in batch.tolist()], batch[:, None].astype(float))
    assert sample.hashes.tolist() == list(range(100))
    assert sample.ids == [str(number) for number in range(100)]
    assert sample.values.ravel().tolist() == list(range(100))


def test_a_repeated_id_is_kept_once() -> None:
    sample = BottomK(k=3, width=1)
    for _ in range(3):
        offer(sample, ["a", "b", "a"], np.array([[1.0], [2.0], [1.0]]))
    assert sorted(sample.ids) == ["a", "b"]


def test_the_same_id_with_other_contents_does_not_depend_on_order() -> None:
    ids, values = ["a", "a", "b", "c"], np.array([[2.0], [1.0], [0.0], [np.nan]])
    one, other = BottomK(k=2, width=1), BottomK(k=2, width=1)
    for row in range(4):
        offer(one, ids[row : row + 1], values[row : row + 1])
        offer(other, ids[3 - row : 4 - row], values[3 - row : 4 - row])
    assert one.snapshot() == other.snapshot()


def test_the_largest_kept_row_too_does_not_depend_on_order() -> None:
    one, other = BottomK(k=1, width=1), BottomK(k=1, width=1)
    for first, second in ((one, other), (other, one)):
        offer(first, ["a"], np.array([[1.0]]))
        offer(second, ["a"], np.array([[2.0]]))
    assert one.snapshot() == other.snapshot()


def test_the_sample_is_uniform() -> None:
    ids = [f"flight-{number}" for number in range(50_000)]
    sample = BottomK(k=2000, width=1)
    offer(sample, ids, np.arange(50_000.0)[:, None])
    # The mean of 2000 of 50 000 equally likely numbers: standard error 14 434 / sqrt(2000) = 323.
    assert sample.values.mean() == pytest.approx(24_999.5, abs=4 * 323)


def test_a_sample_of_ids_has_no_columns() -> None:
    sample = BottomK(k=2, width=0)
    offer(sample, ["a", "b", "c"], np.zeros((3, 0)))
    assert len(sample.ids) == 2
    assert BottomK.from_snapshot(sample.snapshot()).ids == sample.ids


def test_shapes_must_fit() -> None:
    with pytest.raises(LayoutError, match="2 hashes, 1 ids"):
        BottomK(k=2, width=1).update(np.array([1, 2], dtype=np.uint64), ["a"], np.zeros((2, 1)))


@pytest.mark.parametrize(("k", "width"), [(0, 1), (1, -1)])
def test_impossible_parameters_are_refused(k: int, width: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        BottomK(k, width)
