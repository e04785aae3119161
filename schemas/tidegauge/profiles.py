"""What profilers publish for monitors: snapshots of windowed sketches, and watermarks.

MessagePack on the wire, positional (`array_like`): fields are only ever appended. A profile is a snapshot, never a
delta: reading it twice changes nothing, the newest by (epoch, seq) replaces all before it.
"""

import msgspec

WIRE_VERSION = 1


class Profile(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One part of one shard's pane of one (model, version, segment).

    `segment` is "" for all rows, else "name=value". `part` is "inputs", "service" or "outcome". `age_ms` is, for an
    outcome, the label-age rung it belongs to (labels whose age is above the rung before and up to this one), else 0.
    `layout` is the hash of the parameters the body depends on: bodies of different layouts never merge.
    """

    model: str
    version: str
    segment: str
    part: str
    pane_start_ms: int
    pane_end_ms: int
    on_time: bool
    age_ms: int
    layout: str
    shard: int
    epoch: int
    seq: int
    body: bytes


class ShardWatermark(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How far a shard has read, in event time; every profile below was acknowledged before this was sent.

    `predictions_ms` and `labels_ms` are the two topics' watermarks (lateness already subtracted), -1 before the first
    event. `newest_ms` is the greatest event time seen. `idle` marks watermarks that moved by the wall clock. `loss`
    says what this shard went on without in the last day, because a person asked for that; "" when nothing.
    `unlabelled`: no label has ever come, and the log of labels holds none that is yet to be read.
    """

    shard: int
    epoch: int
    seq: int
    predictions_ms: int
    labels_ms: int
    newest_ms: int
    idle: bool = False
    loss: str = ""
    unlabelled: bool = False


class ProfileBundle(msgspec.Struct, array_like=True, frozen=True, tag="profiles"):
    """Profiles of one worker for one partition of the profiles topic, at most 900 kB."""

    profiles: list[Profile]
    version: int = WIRE_VERSION


class WatermarkReport(msgspec.Struct, array_like=True, frozen=True, tag="watermarks"):
    """Every shard of one worker, sent to every partition of the profiles topic once a second.

    `partitions` is the partition count of the input topics: a window closes when that many shards have reported.
    """

    worker: str
    partitions: int
    shards: list[ShardWatermark]
    version: int = WIRE_VERSION
