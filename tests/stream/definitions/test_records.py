"""Records: one encoding, whole again after cutting, and nothing readable out of damage."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.definitions import records
from stream.definitions.records import (
    DefinitionRecord,
    NewerRecordError,
    RecordError,
    ReferenceManifest,
    content_hash,
    decode_grids,
    decode_record,
    decode_reference,
    encode_grids,
    encode_head,
    encode_profiles,
)
from stream.model.reference import Reference
from tidegauge.definition import CategoricalGrid, Definition, NumericGrid
from tidegauge.profiles import Profile

GRIDS = {"temp": NumericGrid([0.0, 1.5]), "carrier": CategoricalGrid(["AA", "UA"])}


def pieces(slices: tuple[bytes, ...]) -> list[bytes]:
    found = [decode_record(raw) for raw in slices]
    assert all(isinstance(piece, bytes) for piece in found)
    return found  # type: ignore[return-value]  # just asserted


def profile(body: bytes, pane: int = 0) -> Profile:
    return Profile("m", "", "", "inputs", pane, pane + 1, True, 0, "layout", 0, 0, 0, body)


def manifest_of(reference: Reference, slices: tuple[bytes, ...]) -> ReferenceManifest:
    return ReferenceManifest(
        model=reference.model,
        previous="",
        effective_from_ms=0,
        reference=reference.id,
        slices=tuple(map(content_hash, slices)),
        held_out=reference.held_out,
        start_ms=reference.start_ms,
        end_ms=reference.end_ms,
    )


def test_a_head_is_json_with_every_default_written() -> None:
    head = DefinitionRecord(model="m", previous="", effective_from_ms=7, definition=Definition(model="m"))
    raw = encode_head(head)
    plain = msgspec.json.decode(raw)
    assert (plain["record"], plain["version"], plain["definition"]["threshold"]) == ("definition", 1, 0.5)
    assert decode_record(raw) == head


def test_grids_survive_and_equal_grids_give_equal_slices() -> None:
    slices = encode_grids(GRIDS)
    assert decode_grids(pieces(slices)) == GRIDS
    assert encode_grids(dict(reversed(GRIDS.items()))) == slices
    assert encode_grids({}) == ()
    assert decode_grids([]) == {}


def test_a_large_reference_is_cut_into_records_that_fit() -> None:
    noise = [bytes(content_hash(str(i).encode()), "ascii") * 2_000 for i in range(3)]
    incompressible = b"".join(bytes.fromhex(content_hash(str(i).encode())) for i in range(250_000))
    reference = Reference.of("m", [profile(incompressible), *map(profile, noise)], held_out=True)
    slices = encode_profiles(reference)
    assert len(slices) > 2
    assert max(map(len, slices)) <= records.MAX_RECORD_BYTES
    assert decode_reference(manifest_of(reference, slices), pieces(slices)) == reference


def test_slices_of_another_reference_are_refused() -> None:
    one, other = (Reference.of("m", [profile(body)], held_out=True) for body in (b"one", b"other"))
    with pytest.raises(RecordError, match="names"):
        decode_reference(manifest_of(one, ()), pieces(encode_profiles(other)))


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_cut_slices_are_refused(cut: int) -> None:
    reference = Reference.of("m", [profile(b"body" * 100)], held_out=True)
    whole = b"".join(pieces(encode_profiles(reference)))
    with pytest.raises(RecordError):
        decode_reference(manifest_of(reference, ()), [whole[:cut]])


def test_a_slice_that_unfolds_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Reference.of("m", [profile(b"\x00" * 100_000)], held_out=True)
    slices = encode_profiles(reference)
    monkeypatch.setattr(records, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(RecordError, match="more than 1000"):
        decode_reference(manifest_of(reference, slices), pieces(slices))


def test_a_slice_that_nests_too_deep_is_refused() -> None:
    grid = b"\x81\xa1x" + b"\x91" * 100_000 + b"\xc0"  # {x: a list in a list, and so on}
    with pytest.raises(RecordError, match="recursion"):
        decode_grids([zlib.compress(b"\x81\xa4temp" + grid)])


@given(st.binary(max_size=80))
def test_damage_is_never_anything_but_void_or_newer(raw: bytes) -> None:
    try:
        record = decode_record(raw)
    except (RecordError, NewerRecordError):
        return
    assert isinstance(record, bytes)
    assert raw[:1] == b"\x01"


@pytest.mark.parametrize("raw", [b'{"version": 2, "record": "unheard of"}', b"\x02anything"])
def test_a_newer_record_is_never_taken_for_damage(raw: bytes) -> None:
    with pytest.raises(NewerRecordError, match="version 2"):
        decode_record(raw)


def test_a_head_that_does_not_fit_a_message_is_refused() -> None:
    features = {f"{'x' * 200}{i}": "numeric" for i in range(5_000)}
    definition = msgspec.convert({"model": "m", "features": features}, Definition)
    with pytest.raises(ValueError, match="at most 900000"):
        encode_head(DefinitionRecord(model="m", previous="", effective_from_ms=0, definition=definition))
