"""Records of `history`: what compaction and killed writers may leave is read as something whole, or not at all."""

import msgspec
import pytest

from stream.errors import LostStateError
from stream.history.records import PIECE_BYTES, Record, encode_history, read_history
from stream.monitor.outputs import HistoryPane, HistorySnapshot
from stream.parts.keys import PartKey

KEY = PartKey("m", "v1", "origin=JFK", "inputs", 0, 100, True, 0, "layout")


def snapshot(number: int, size: int = 10) -> HistorySnapshot:
    return HistorySnapshot(model="m", number=number, fields={b"d|x": bytes([number]) * size, b"m|y": b"\x00\xff"})


def pane(body: bytes | None, size: int = 10) -> HistoryPane:
    return HistoryPane(key=KEY, size_bytes=size, body=body)


def compacted(records: list[Record]) -> list[tuple[bytes, bytes | None, int]]:
    """Return what is left when only the newest of each key stays; the time written counts up."""
    newest = {key: (key, value, time) for time, (key, value) in enumerate(records)}
    return sorted(newest.values(), key=lambda record: record[2])


@pytest.mark.parametrize("piece_bytes", [7, 40, PIECE_BYTES])
def test_the_newest_snapshot_and_every_pane_come_back(piece_bytes: int) -> None:
    outputs = [snapshot(1), pane(b"body of ten"[:10]), snapshot(2, 90), snapshot(3)]
    records = [record for output in outputs for record in encode_history(output, piece_bytes)]
    assert max(len(value or b"") for _, value in records) <= piece_bytes + 40
    kept = read_history(compacted(records))
    assert kept.snapshots == {"m": snapshot(3)}
    assert kept.panes == {KEY: b"body of t" + b"e"}
    assert records[kept.written_ms] == encode_history(snapshot(3), piece_bytes)[0]


def test_a_writer_killed_between_two_pieces_leaves_the_snapshot_before() -> None:
    whole = [*encode_history(snapshot(1, 50), 20), *encode_history(snapshot(2, 50), 20)]
    torn = encode_history(snapshot(3, 50), 20)
    assert len(torn) > 2
    for cut in range(1, len(torn)):
        kept = read_history(compacted([*whole, *torn[:cut]]))
        assert kept.snapshots == {"m": snapshot(2, 50)}
    assert read_history(compacted([*whole, *torn])).snapshots == {"m": snapshot(3, 50)}


def test_one_slot_would_not_do() -> None:
    torn = encode_history(snapshot(3, 50), 20)
    kept = read_history(compacted([*encode_history(snapshot(1, 50), 20), *torn[:1]]))
    assert kept.snapshots == {}


def test_repeats_change_nothing_and_a_shorter_snapshot_leaves_no_rest() -> None:
    records = [*encode_history(snapshot(1, 200), 20), *encode_history(snapshot(3, 5), 20)]
    assert read_history(compacted(records + records[-1:])).snapshots == {"m": snapshot(3, 5)}


def test_a_pane_that_is_no_longer_learnt_from_leaves_no_piece() -> None:
    body = bytes(range(50))
    gone = [*encode_history(pane(body, 50), 20), *encode_history(pane(None, 50), 20)]
    assert {value for _, value, _ in compacted(gone)} == {None}
    assert read_history(compacted(gone)).panes == {}


def test_a_pane_changed_in_one_byte_is_left_out() -> None:
    [(key, value)] = encode_history(pane(b"0123456789"))
    assert value is not None
    assert read_history([(key, value.replace(b"9", b"8"), 0)]).panes == {}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (b"not msgpack at all", b"\x01", "key"),
        (None, b"\x02later", "format 2"),
        (None, b"", "format none"),
        (None, b"\x01rubbish", "cannot be read"),
    ],
)
def test_what_this_release_cannot_read_is_said(key: bytes | None, value: bytes, says: str) -> None:
    name = key or encode_history(snapshot(1))[0][0]
    with pytest.raises(LostStateError, match=says):
        read_history([(name, value, 0)])


def test_keys_are_messagepack_that_a_person_can_read() -> None:
    [(key, _)] = encode_history(snapshot(4))
    assert msgspec.msgpack.decode(key) == ["snapshot", ["m", 0], 0]
