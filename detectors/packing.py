"""Compact bytes for arrays: every integer in the smallest width that holds them all, sparse where that is shorter.

Equal contents give equal bytes (the choice of encoding depends on the values alone), so two states can be compared,
and hashed, by their snapshots. Everything is little-endian. Nothing here executes what it reads.
:class:`Writer` and :class:`Reader` compose the fields of a snapshot behind one version byte.
"""

import struct
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.errors import SnapshotError

MAX_LENGTH: Final = 1 << 24
"""Longest array that is read back: damaged bytes must not ask for gigabytes."""

_DTYPES: Final = tuple(np.dtype(name) for name in ("<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<i8"))
_RANGES: Final = tuple((int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) for dtype in _DTYPES)
_LETTERS: Final = "BbHhIiq"
"""The same types, as `struct` names them."""
_SPARSE: Final = 0x80
_SINGLE: Final = 1
_HEAD: Final = struct.Struct("<BI")
_F64: Final = struct.Struct("<d")
_I64: Final = struct.Struct("<q")
_U32: Final = struct.Struct("<I")
_NO_TEXTS: Final = _HEAD.pack(0, 0) + _U32.pack(0)


def _code_for(low: int, high: int) -> int:
    """Index of the narrowest integer type that holds ``low`` and ``high``."""
    for code, (smallest, largest) in enumerate(_RANGES):
        if smallest <= low and high <= largest:
            return code
    raise OverflowError(f"integers from {low} to {high} do not fit in 64 signed bits")


def _array(data: bytes, offset: int, dtype: np.dtype[np.generic], count: int) -> tuple[NDArray[np.generic], int]:
    """Read ``count`` items of ``dtype`` at ``offset``; the view is read-only."""
    end = offset + count * dtype.itemsize
    if count > MAX_LENGTH or end > len(data):
        raise SnapshotError(f"snapshot ends early: {count} items of {dtype} at byte {offset} of {len(data)}")
    return np.frombuffer(data, dtype, count, offset), end


def _head(data: bytes, offset: int) -> tuple[int, int, int]:
    """Read an array's (encoding byte, length) and the offset behind them."""
    if offset + _HEAD.size > len(data):
        raise SnapshotError(f"snapshot ends early: no array at byte {offset} of {len(data)}")
    code, length = _HEAD.unpack_from(data, offset)
    if length > MAX_LENGTH:
        raise SnapshotError(f"array of {length} items at byte {offset}: damaged (limit {MAX_LENGTH})")
    return code, length, offset + _HEAD.size


def _dtype_at(code: int) -> np.dtype[np.generic]:
    """Integer type number ``code`` of the format."""
    if code >= len(_DTYPES):
        raise SnapshotError(f"unknown integer encoding {code}")
    return _DTYPES[code]


def pack_ints(values: NDArray[np.int64]) -> bytes:
    """Pack 64-bit integers, as a list of non-zero cells where that is shorter.

    Parameters
    ----------
    values : ndarray of int64
        Any shape; packed in C order (the shape belongs to the caller). At most ``MAX_LENGTH`` items.

    Notes
    -----
    5 bytes, then 1 to 8 bytes an item; sparse: 10 bytes, then 2 to 12 bytes a non-zero item. O(n) time.
    """
    flat = np.ascontiguousarray(values, dtype=np.int64).ravel()
    if not flat.size:
        return _HEAD.pack(0, 0)
    # The ufuncs themselves: the methods' wrappers cost more than a short array.
    code = _code_for(int(np.minimum.reduce(flat)), int(np.maximum.reduce(flat)))
    dtype = _DTYPES[code]
    filled = int(np.count_nonzero(flat))
    if _HEAD.size + filled * (dtype.itemsize + 1) < flat.size * dtype.itemsize:
        return _pack_sparse(flat, code, filled)
    return _HEAD.pack(code, flat.size) + flat.astype(dtype).tobytes()


def _pack_sparse(flat: NDArray[np.int64], code: int, filled: int) -> bytes:
    """Pack the non-zero cells as (gap to the one before, value)."""
    where = flat.nonzero()[0]
    gaps = where.copy()
    gaps[1:] -= where[:-1] + 1
    gap_code = _code_for(0, int(np.maximum.reduce(gaps, initial=0)))
    return b"".join(
        (
            _HEAD.pack(code | _SPARSE, flat.size),
            _HEAD.pack(gap_code, filled),
            gaps.astype(_DTYPES[gap_code]).tobytes(),
            flat[where].astype(_DTYPES[code]).tobytes(),
        )
    )


def unpack_ints(data: bytes, offset: int = 0) -> tuple[NDArray[np.int64], int]:
    """Read what :func:`pack_ints` wrote.

    Returns
    -------
    (values, offset)
        A writable array, and the offset of the byte behind it.

    Raises
    ------
    SnapshotError
        If the bytes are truncated or no packed integers.
    """
    code, length, offset = _head(data, offset)
    if not code & _SPARSE:
        values, offset = _array(data, offset, _dtype_at(code), length)
        return values.astype(np.int64), offset
    gap_code, filled, offset = _head(data, offset)
    gaps, offset = _array(data, offset, _dtype_at(gap_code), filled)
    values, offset = _array(data, offset, _dtype_at(code & ~_SPARSE), filled)
    where = np.cumsum(gaps.astype(np.int64) + 1) - 1
    if filled and (int(gaps.min()) < 0 or int(where[-1]) >= length):
        raise SnapshotError(f"sparse array of {length} items names a cell outside it")
    out = np.zeros(length, dtype=np.int64)
    out[where] = values
    return out, offset


def pack_floats(values: NDArray[np.float64]) -> bytes:
    """Pack doubles bit for bit; as singles where all of them are exactly singles (scores are).

    Parameters
    ----------
    values : ndarray of float64
        Any shape; packed in C order. NaN and infinities are kept.
    """
    if not values.size:
        return _HEAD.pack(_SINGLE, 0)
    return pack_rows_of_floats(np.ascontiguousarray(values, dtype=np.float64).reshape(1, -1))


def pack_rows_of_floats(rows: NDArray[np.float64]) -> bytes:
    """Pack each row of a matrix as :func:`pack_floats` would, one after the other."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        singles = rows.astype("<f4")
        exact = (singles.astype(np.float64).view(np.uint64) == rows.view(np.uint64)).all(axis=1).tolist()
    width = rows.shape[1]
    return b"".join(
        _HEAD.pack(_SINGLE, width) + single.tobytes() if fits else _HEAD.pack(0, width) + row.astype("<f8").tobytes()
        for row, single, fits in zip(rows, singles, exact, strict=True)
    )


def unpack_floats(data: bytes, offset: int = 0) -> tuple[NDArray[np.float64], int]:
    """Read what :func:`pack_floats` wrote: (writable array, offset behind it); raises SnapshotError."""
    code, length, offset = _head(data, offset)
    if code > _SINGLE:
        raise SnapshotError(f"unknown float encoding {code}")
    values, offset = _array(data, offset, np.dtype("<f4" if code == _SINGLE else "<f8"), length)
    return values.astype(np.float64), offset


class Writer:
    """Composes a snapshot field by field; read it back with :class:`Reader` in the same order.

    Parameters
    ----------
    version : int
        Version of the format of these fields, 1 to 255; it is the first byte.

    Examples
    --------
    >>> data = Writer(1).integer(-3).text("late").finish()
    >>> reader = Reader(data, newest=1)
    >>> reader.integer(), reader.text()
    (-3, 'late')
    >>> reader.finish()
    """

    def __init__(self, version: int) -> None:
        self._parts: list[bytes] = [bytes((version,))]

    def integer(self, value: int) -> Self:
        """Add an integer of any size."""
        size = value.bit_length() // 8 + 1
        return self.blob(value.to_bytes(size, "little", signed=True))

    def number(self, value: float) -> Self:
        """Add a double."""
        self._parts.append(_F64.pack(value))
        return self

    def blob(self, value: bytes) -> Self:
        """Add bytes, such as the snapshot of a part; up to 4 GiB."""
        self._parts += (_U32.pack(len(value)), value)
        return self

    def packed(self, value: bytes) -> Self:
        """Add what :func:`pack_ints` or :func:`pack_floats` made before."""
        self._parts.append(value)
        return self

    def text(self, value: str) -> Self:
        """Add a string; lone surrogates, which JSON can carry, are kept."""
        return self.blob(value.encode("utf-8", "surrogatepass"))

    def texts(self, values: Sequence[str]) -> Self:
        """Add a list of strings."""
        if not values:
            self._parts.append(_NO_TEXTS)
            return self
        encoded = [value.encode("utf-8", "surrogatepass") for value in values]
        self.ints(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        return self.blob(b"".join(encoded))

    def ints(self, values: NDArray[np.int64]) -> Self:
        """Add integers, see :func:`pack_ints`."""
        self._parts.append(pack_ints(values))
        return self

    def floats(self, values: NDArray[np.float64]) -> Self:
        """Add doubles, see :func:`pack_floats`."""
        self._parts.append(pack_floats(values))
        return self

    def counts(self, *values: int) -> Self:
        """Add a few integers of 64 bits: the bytes of ``ints``, without an array."""
        code = _code_for(min(values), max(values))
        filled = len(values) - values.count(0)
        if _HEAD.size + filled * (_DTYPES[code].itemsize + 1) < len(values) * _DTYPES[code].itemsize:
            return self.ints(np.array(values, dtype=np.int64))
        self._parts.append(_HEAD.pack(code, len(values)) + struct.pack(f"<{len(values)}{_LETTERS[code]}", *values))
        return self

    def rows_of_floats(self, rows: NDArray[np.float64]) -> Self:
        """Add each row of a matrix of doubles as ``floats`` would."""
        self._parts.append(pack_rows_of_floats(rows))
        return self

    def hashes(self, values: NDArray[np.uint64]) -> Self:
        """Add unsigned 64-bit hashes, 8 bytes each."""
        return self.blob(values.astype("<u8").tobytes())

    def finish(self) -> bytes:
        """Give the snapshot."""
        return b"".join(self._parts)


class Reader:
    """Reads the fields of a snapshot in the order in which :class:`Writer` got them.

    Parameters
    ----------
    data : bytes
        The snapshot.
    newest : int
        Newest version the caller can read; ``version`` tells which one this is.

    Raises
    ------
    SnapshotError
        From the constructor and every method: no bytes, a version of 0 or above ``newest``, truncated, damaged.
    """

    def __init__(self, data: bytes, newest: int) -> None:
        if not data:
            raise SnapshotError("empty snapshot")
        if not 1 <= data[0] <= newest:
            raise SnapshotError(f"snapshot of version {data[0]}; this release reads 1 to {newest}")
        self.version: Final = data[0]
        self._data = data
        self._offset = 1

    def integer(self) -> int:
        """Read an integer."""
        return int.from_bytes(self.blob(), "little", signed=True)

    def number(self) -> float:
        """Read a double."""
        value: float = _F64.unpack(self._take(_F64.size))[0]
        return value

    def blob(self) -> bytes:
        """Read bytes."""
        size: int = _U32.unpack(self._take(_U32.size))[0]
        return self._take(size)

    def text(self) -> str:
        """Read a string."""
        return _decode(self.blob())

    def texts(self) -> list[str]:
        """Read a list of strings."""
        ends = np.cumsum(self.ints()).tolist()
        joined = self.blob()
        if (ends[-1] if ends else 0) != len(joined):
            raise SnapshotError("lengths of the strings do not add up")
        return [_decode(joined[start:end]) for start, end in zip([0, *ends], ends, strict=False)]

    def ints(self) -> NDArray[np.int64]:
        """Read integers into a writable array."""
        values, self._offset = unpack_ints(self._data, self._offset)
        return values

    def floats(self) -> NDArray[np.float64]:
        """Read doubles into a writable array."""
        values, self._offset = unpack_floats(self._data, self._offset)
        return values

    def hashes(self) -> NDArray[np.uint64]:
        """Read unsigned 64-bit hashes into a writable array."""
        data = self.blob()
        if len(data) % 8:
            raise SnapshotError(f"{len(data)} bytes are no list of 64-bit hashes")
        return np.frombuffer(data, "<u8").astype(np.uint64)

    def finish(self) -> None:
        """Check that nothing is left over."""
        if self._offset != len(self._data):
            raise SnapshotError(f"{len(self._data) - self._offset} bytes left over after the last field")

    def _take(self, size: int) -> bytes:
        end = self._offset + size
        if end > len(self._data):
            raise SnapshotError(f"snapshot ends early: {size} bytes at {self._offset} of {len(self._data)}")
        taken = self._data[self._offset : end]
        self._offset = end
        return taken


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise SnapshotError(f"a string of the snapshot is no UTF-8: {error}") from None
