import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.errors import SnapshotError
from detectors.packing import Reader, Writer, pack_floats, pack_ints, unpack_floats, unpack_ints

INTS = hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(-(2**63), 2**63 - 1) | st.just(0))
FLOATS = hnp.arrays(np.float64, st.integers(0, 30), elements=st.floats(width=64))


@given(INTS, st.binary(max_size=5))
def test_ints_come_back(values: np.ndarray, prefix: bytes) -> None:
    data = prefix + pack_ints(values)
    back, offset = unpack_ints(data + b"tail", len(prefix))
    np.testing.assert_array_equal(back, values)
    assert offset == len(data)
    assert back.flags.writeable


@given(FLOATS)
def test_floats_come_back_bit_for_bit(values: np.ndarray) -> None:
    back, _ = unpack_floats(pack_floats(values))
    np.testing.assert_array_equal(back.view(np.uint64), values.view(np.uint64))


@given(INTS, st.data())
def test_truncated_ints_are_refused(values: np.ndarray, data: st.DataObject) -> None:
    packed = pack_ints(values)
    with pytest.raises(SnapshotError):
        unpack_ints(packed[: data.draw(st.integers(0, len(packed) - 1))])


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        values, offset = unpack_ints(data)
    except SnapshotError:
        return
    assert 0 < offset <= len(data)
    assert values.ndim == 1


@pytest.mark.parametrize(
    ("values", "size"),
    [([0] * 1000, 10), ([1] * 1000, 1005), ([-1] * 1000, 1005), ([300] * 10, 25), ([2**40], 13)],
)
def test_the_smallest_width_is_chosen(values: list[int], size: int) -> None:
    assert len(pack_ints(np.array(values))) == size


def test_few_cells_among_many_cost_little() -> None:
    counts = np.zeros(100_000, dtype=np.int64)
    counts[[3, 50_000, 99_999]] = 7
    assert len(pack_ints(counts)) == 10 + 3 * (2 + 1)


def test_single_precision_scores_cost_four_bytes() -> None:
    scores = np.random.default_rng(0).random(100).astype(np.float32).astype(np.float64)
    assert len(pack_floats(scores)) == 5 + 400
    assert len(pack_floats(scores + 1e-12)) == 5 + 800


def test_a_damaged_length_does_not_ask_for_gigabytes() -> None:
    with pytest.raises(SnapshotError, match="damaged"):
        unpack_ints(b"\x80\xff\xff\xff\xff" + bytes(10))


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(SnapshotError, match="integer encoding"):
        unpack_ints(b"\x07\x01\x00\x00\x00" + bytes(8))
    with pytest.raises(SnapshotError, match="float encoding"):
        unpack_floats(b"\x02\x01\x00\x00\x00" + bytes(8))


def test_a_sparse_cell_outside_the_array_is_refused() -> None:
    packed = bytearray(pack_ints(np.array([0] * 50 + [1])))
    packed[1] = 20  # the array's length, now before its only cell
    with pytest.raises(SnapshotError, match="outside"):
        unpack_ints(bytes(packed))


@given(st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.text()), st.binary())
def test_fields_come_back(integer: int, number: float, text: str, texts: list[str], blob: bytes) -> None:
    hashes = np.array([0, 2**64 - 1], dtype=np.uint64)
    data = Writer(3).integer(integer).number(number).text(text).texts(texts).blob(blob).hashes(hashes).finish()
    reader = Reader(data, newest=3)
    assert reader.version == 3
    assert (reader.integer(), reader.number(), reader.text()) == (integer, number, text)
    assert (reader.texts(), reader.blob(), reader.hashes().tolist()) == (texts, blob, hashes.tolist())
    reader.finish()


def test_lone_surrogates_and_nul_are_kept() -> None:
    names = ["\ud800", "\x00", ""]
    assert Reader(Writer(1).texts(names).finish(), newest=1).texts() == names


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x02"], ids=["empty", "version 0", "newer version"])
def test_unknown_versions_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        Reader(data, newest=1)


def test_leftover_bytes_are_refused() -> None:
    reader = Reader(Writer(1).integer(1).finish() + b"x", newest=1)
    reader.integer()
    with pytest.raises(SnapshotError, match="left over"):
        reader.finish()
