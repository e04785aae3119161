"""The name of one part of a profile."""

from typing import NamedTuple, Self

from tidegauge.profiles import Profile

ALL_ROWS = ""
"""The segment of all rows; the others are "name=value"."""


class PartKey(NamedTuple):
    """Which rows a part holds, and how; all but `shard` of what a `Profile` says beside its body.

    `part` is "inputs", "sample" (in place of inputs while types and grids are learned), "service" or "outcome".
    `age_ms` is an outcome's label-age rung, else 0. Late rows (`on_time` false) are kept apart.
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

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Return the key of a published profile."""
        return cls(
            profile.model,
            profile.version,
            profile.segment,
            profile.part,
            profile.pane_start_ms,
            profile.pane_end_ms,
            profile.on_time,
            profile.age_ms,
            profile.layout,
        )

    def profile(self, body: bytes, *, shard: int = 0, epoch: int = 0, seq: int = 0) -> Profile:
        """Return the profile that publishes `body` under this key."""
        return Profile(*self, shard=shard, epoch=epoch, seq=seq, body=body)


def segment_label(name: str, value: str) -> str:
    """Return the segment of the rows whose attribute `name` is `value`."""
    return f"{name}={value}"
