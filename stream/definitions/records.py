"""Records of the `models` topic: heads that change a model, and slices of the bytes too large to stand in them.

Heads are JSON, so that any Kafka tool shows what was declared and when. Grids and profiles are packed binary, cut into
slices that heads name by hash. A record is at most 900 kB; a model's name is its key.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

import msgspec

from stream.errors import LostStateError
from stream.model.reference import Reference
from tidegauge.definition import Definition, FeatureGrid
from tidegauge.profiles import Profile

VERSION: Final = 1
"""Raise it with any new field: a reader that skipped what it cannot read would silently decide by older rules."""

MAX_RECORD_BYTES: Final = 900_000
"""Kafka's default limit of a message is 1 MB, overhead included."""

MAX_UNPACKED_BYTES: Final = 512_000_000
"""A damaged or hostile slice must not fill the memory of every worker."""

_HEAD: Final = b"{"
_SLICE: Final = bytes([VERSION])
_LEVEL: Final = 9  # written once, read by every worker at every start


class DefinitionRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="definition"):
    """A model's definition from an event time on; every key is written, so a later default changes nothing.

    `previous` is the hash of the model's head before ("" for the first), `grids` the hashes of the slices that hold the
    grids (none: they are learnt). `effective_from_ms` is when panes of the new layout begin.
    """

    model: str
    previous: str
    effective_from_ms: int
    definition: Definition
    grids: tuple[str, ...] = ()
    version: int = VERSION


class ReferenceManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="reference"):
    """A model's reference from an event time on: the last of its records, after all the slices it names."""

    model: str
    previous: str
    effective_from_ms: int
    reference: str
    slices: tuple[str, ...]
    held_out: bool
    start_ms: int
    end_ms: int
    source: str = ""
    version: int = VERSION


T = TypeVar("T")

Head = DefinitionRecord | ReferenceManifest


class RecordError(ValueError):
    """Bytes that are no record of this topic: void, whoever wrote them."""


class NewerRecordError(LostStateError):
    """A record of a newer version: this process must be upgraded before it decides anything."""


class _Versioned(msgspec.Struct):
    """Just the member that says whether the rest can be read."""

    version: int = VERSION


_VERSION_DECODER: Final = msgspec.json.Decoder(_Versioned)
_HEAD_DECODER: Final[msgspec.json.Decoder[Head]] = msgspec.json.Decoder(Head)
_GRIDS_DECODER: Final = msgspec.msgpack.Decoder(dict[str, FeatureGrid])
_PROFILES_DECODER: Final = msgspec.msgpack.Decoder(list[Profile])
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def content_hash(raw: bytes) -> str:
    """Return 16 hex digits of the SHA-256 of a record as it stands in the log: its name."""
    return hashlib.sha256(raw).hexdigest()[:16]


def encode_head(head: Head) -> bytes:
    """Return the JSON of a head, one encoding for one content.

    Raises
    ------
    ValueError
        When it is larger than 900 kB.
    """
    raw = msgspec.json.encode(head, order="deterministic")
    if len(raw) > MAX_RECORD_BYTES:
        raise ValueError(f"the record of {head.model} has {len(raw)} bytes; at most {MAX_RECORD_BYTES} fit a message")
    return raw


def decode_record(raw: bytes) -> Head | bytes:
    """Return a head, or the piece of packed bytes that a slice holds.

    Raises
    ------
    RecordError
        When the bytes are neither.
    NewerRecordError
        When a newer version wrote them.
    """
    if raw[:1] == _SLICE:
        return raw[1:]
    if raw[:1] != _HEAD:
        raise _unreadable(raw)
    try:
        version = _VERSION_DECODER.decode(raw).version
        if version > VERSION:
            raise _newer(version)
        return _HEAD_DECODER.decode(raw)
    except _UNREADABLE as error:
        raise RecordError(str(error)) from error


def encode_grids(grids: Mapping[str, FeatureGrid]) -> tuple[bytes, ...]:
    """Return slices that hold the grids; () for none. Equal grids give equal slices."""
    return tuple(_slices(msgspec.msgpack.encode(dict(grids), order="deterministic"))) if grids else ()


def decode_grids(pieces: Iterable[bytes]) -> dict[str, FeatureGrid]:
    """Put together what `encode_grids` cut; RecordError when the pieces do not fit."""
    raw = b"".join(pieces)
    return _unpack(_GRIDS_DECODER, raw) if raw else {}


def encode_profiles(reference: Reference) -> tuple[bytes, ...]:
    """Return slices that hold a reference's profiles, compressed as one so that equal layouts cost once."""
    return tuple(_slices(msgspec.msgpack.encode(reference.profiles)))


def decode_reference(manifest: ReferenceManifest, pieces: Iterable[bytes]) -> Reference:
    """Put together the reference of a manifest; RecordError when it is not the one the manifest names."""
    profiles = _unpack(_PROFILES_DECODER, b"".join(pieces))
    try:
        reference = Reference.of(manifest.model, profiles, held_out=manifest.held_out, source=manifest.source)
    except ValueError as error:
        raise RecordError(str(error)) from error
    if reference.id != manifest.reference:
        raise RecordError(f"slices hold reference {reference.id}, the manifest names {manifest.reference}")
    return reference


def _slices(packed: bytes) -> Iterator[bytes]:
    compressed = zlib.compress(packed, _LEVEL)
    step = MAX_RECORD_BYTES - len(_SLICE)
    return (_SLICE + compressed[at : at + step] for at in range(0, len(compressed), step))


def _unpack(decoder: "msgspec.msgpack.Decoder[T]", compressed: bytes) -> T:
    try:
        inflater = zlib.decompressobj()
        packed = inflater.decompress(compressed, MAX_UNPACKED_BYTES)
        if not inflater.eof:
            raise RecordError(f"slices are cut short, or hold more than {MAX_UNPACKED_BYTES} bytes")
        return decoder.decode(packed)
    except (zlib.error, *_UNREADABLE) as error:
        raise RecordError(f"slices hold nothing readable: {error}") from error


def _unreadable(raw: bytes) -> Exception:
    """Take a first byte from 2 to 31 for a version of slices to come: JSON begins with none of them."""
    first = raw[0] if raw else 0
    return _newer(first) if VERSION < first < ord(" ") else RecordError("neither a head nor a slice")


def _newer(version: int) -> NewerRecordError:
    return NewerRecordError(
        f"the models topic holds records of version {version}, this process reads up to {VERSION}: upgrade it"
    )
