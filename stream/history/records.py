"""Records of `history`: versioned, at most 900 kB each, the newest of a key replacing those before it.

A snapshot or pane that is larger comes in pieces. Compaction keeps the newest of every piece, and a writer may be
killed between two: so each piece names the whole it belongs to, and snapshots take two slots in turn. One of the two is
always whole.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import msgspec

from stream.errors import LostStateError
from stream.monitor.outputs import History, HistorySnapshot
from stream.parts.keys import PartKey

VERSION: Final = 1
PIECE_BYTES: Final = 900_000
_SLOTS: Final = 2


Kind = Literal["snapshot", "pane", "switches"]


class RecordKey(NamedTuple):
    """Of what a record is (a slot of snapshots, a pane, the switches of a model in a shard), and which piece."""

    kind: Kind
    of: tuple[str, int] | PartKey
    piece: int


class _Piece(msgspec.Struct, frozen=True, array_like=True):
    number: int
    pieces: int
    digest: bytes
    chunk: bytes


_KEY_DECODER: Final = msgspec.msgpack.Decoder(tuple[str, list[str | int | bool], int])
_PIECE_DECODER: Final = msgspec.msgpack.Decoder(_Piece)
_FIELDS_DECODER: Final = msgspec.msgpack.Decoder(dict[bytes, bytes])

_Name = tuple[str, tuple[str | int | bool, ...]]

Record = tuple[bytes, bytes | None]
"""Key and value; a value of None removes the key."""


def encode_history(output: History, piece_bytes: int = PIECE_BYTES) -> list[Record]:
    """Return the records that keep a snapshot or a pane, or remove one."""
    if isinstance(output, HistorySnapshot):
        slot = (output.model, output.number % _SLOTS)
        return list(_records("snapshot", slot, output.number, msgspec.msgpack.encode(output.fields), piece_bytes))
    if output.body is None:
        pieces = _pieces(output.size_bytes, piece_bytes)
        return [(msgspec.msgpack.encode(RecordKey("pane", output.key, piece)), None) for piece in range(pieces)]
    return list(_records("pane", output.key, 0, output.body, piece_bytes))


def encode_switches(shard: int, model: str, field: bytes, piece_bytes: int = PIECE_BYTES) -> list[Record]:
    """Return the records that keep when a shard went over to a model's definitions, as its state holds it."""
    return list(_records("switches", (model, shard), 0, field, piece_bytes))


def _records(
    kind: Kind, of: tuple[str, int] | PartKey, number: int, content: bytes, piece_bytes: int
) -> Iterator[Record]:
    pieces, digest = _pieces(len(content), piece_bytes), _digest(content)
    for piece in range(pieces):
        chunk = content[piece * piece_bytes : (piece + 1) * piece_bytes]
        value = bytes((VERSION,)) + msgspec.msgpack.encode(_Piece(number, pieces, digest, chunk))
        yield msgspec.msgpack.encode(RecordKey(kind, of, piece)), value


def _pieces(size_bytes: int, piece_bytes: int) -> int:
    return max(1, -(-size_bytes // piece_bytes))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=8).digest()


@dataclass(frozen=True)
class Kept:
    """What the topic holds.

    Attributes
    ----------
    snapshots
        By model, the newest.
    panes
        Those that are to be learnt from.
    switches
        By shard and model, the field of the profiler's state.
    written_ms
        When the oldest of the snapshots was written; 0 without any.
    """

    snapshots: Mapping[str, HistorySnapshot] = field(default_factory=dict)
    panes: Mapping[PartKey, bytes] = field(default_factory=dict)
    switches: Mapping[tuple[int, str], bytes] = field(default_factory=dict)
    written_ms: int = 0


def read_history(records: Iterable[tuple[bytes, bytes | None, int]]) -> Kept:
    """Return what records (key, value, time written) leave in force, in the order of each partition.

    What is not whole is left out.

    Raises
    ------
    LostStateError
        For a record of a newer release, or bytes that are no record.
    """
    found: dict[_Name, dict[int, tuple[_Piece, int]]] = {}
    for key, value, time_ms in records:
        name, piece = _decoded(key)
        pieces = found.setdefault(name, {})
        if value is None:
            pieces.pop(piece, None)
        else:
            pieces[piece] = _piece(value), time_ms
    snapshots: dict[str, tuple[HistorySnapshot, int]] = {}
    panes: dict[PartKey, bytes] = {}
    switches: dict[tuple[int, str], bytes] = {}
    for (kind, of), pieces in found.items():
        content = _whole({number: piece for number, (piece, _) in pieces.items()})
        if content is None:
            continue
        if kind == "pane":
            panes[msgspec.convert(list(of), PartKey)] = content
        elif kind == "switches":
            switches[int(of[1]), str(of[0])] = content
        else:
            (first, time_ms), model = pieces[0], str(of[0])
            if model not in snapshots or snapshots[model][0].number < first.number:
                snapshot = HistorySnapshot(model=model, number=first.number, fields=_fields(content))
                snapshots[model] = snapshot, time_ms
    written_ms = min((time_ms for _, time_ms in snapshots.values()), default=0)
    return Kept({model: snapshot for model, (snapshot, _) in snapshots.items()}, panes, switches, written_ms)


def _decoded(key: bytes) -> tuple[_Name, int]:
    try:
        kind, of, piece = _KEY_DECODER.decode(key)
    except msgspec.DecodeError as error:
        raise LostStateError(f"a key of the topic `history` cannot be read ({error}): who wrote it?") from error
    return (kind, tuple(of)), piece


def _piece(value: bytes) -> _Piece:
    if value[:1] != bytes((VERSION,)):
        raise LostStateError(
            f"a record of the topic `history` has format {value[0] if value else 'none'}, this release reads "
            f"{VERSION}: run the release that wrote it, or a newer one"
        )
    try:
        return _PIECE_DECODER.decode(value[1:])
    except msgspec.DecodeError as error:
        raise LostStateError(f"a record of the topic `history` cannot be read ({error})") from error


def _whole(pieces: Mapping[int, _Piece]) -> bytes | None:
    first = pieces.get(0)
    if first is None:
        return None
    chunks = []
    for number in range(first.pieces):
        piece = pieces.get(number)
        if piece is None or (piece.number, piece.digest) != (first.number, first.digest):
            return None
        chunks.append(piece.chunk)
    content = b"".join(chunks)
    return content if _digest(content) == first.digest else None


def _fields(content: bytes) -> dict[bytes, bytes]:
    try:
        return _FIELDS_DECODER.decode(content)
    except msgspec.DecodeError as error:
        raise LostStateError(f"a snapshot in the topic `history` cannot be read ({error})") from error
