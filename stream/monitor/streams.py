"""Names of what is judged, and of where its state lies."""

from typing import NamedTuple

import msgspec

ALL_ROWS = ""
"""The segment of all rows."""

ALL_VERSIONS = ""
"""The version under which traffic is judged: a version that was replaced is no outage."""


class Stream(NamedTuple):
    """One version and segment of one model: what has windows, detectors and alerts of its own."""

    model: str
    version: str
    segment: str

    @property
    def attribute(self) -> str:
        """Name of the segmenting attribute, "" for all rows."""
        return self.segment.partition("=")[0]


def field_name(prefix: str, *key: object) -> bytes:
    """Return the name of a field of state: a letter that says what it is, then the key as MessagePack."""
    return prefix.encode() + b"|" + msgspec.msgpack.encode(key)


def parse_field_name(field: bytes) -> tuple[str, list[object]]:
    """Return prefix and key of a field; raises msgspec.DecodeError for what is no key."""
    prefix, _, key = field.partition(b"|")
    return prefix.decode(), msgspec.msgpack.decode(key, type=list[object])
