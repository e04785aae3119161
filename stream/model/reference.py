"""A reference: the healthy blocks that a model's windows are compared with."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import msgspec

from stream.model.compiled import PartName
from tidegauge.profiles import Profile


@dataclass(frozen=True)
class Reference:
    """Profiles of one model over healthy time, by pane, segment, part and label-age rung.

    Parameters
    ----------
    id
        16 hex digits: hash of the content. Equal data give equal ids, so evidence can name what it was compared with.
    model
        The model it binds; a new version of the model is judged against it too.
    held_out
        The model was not trained on it. If false, it holds no outcomes: in-sample performance is no baseline.
    profiles
        Bodies are snapshots of parts; `version` is "", `shard`, `epoch` and `seq` are 0. An empty one of inputs that is
        not `on_time` stands for a pane that was left out, wholly or for some versions: its rows are not known.
    start_ms, end_ms
        The time they cover, [start, end).
    source
        Where it came from, for people: a file's name, or "learned".
    """

    id: str
    model: str
    held_out: bool
    profiles: tuple[Profile, ...]
    start_ms: int
    end_ms: int
    source: str = ""

    @classmethod
    def of(cls, model: str, profiles: Iterable[Profile], *, held_out: bool, source: str = "") -> Self:
        """Return the reference that these profiles are: sorted, covered time and id worked out.

        Raises
        ------
        ValueError
            If there are no profiles.
        """
        ordered = tuple(sorted(profiles, key=_order))
        if not ordered:
            raise ValueError(f"a reference for {model} needs at least one profile")
        content = msgspec.msgpack.encode((model, held_out, ordered))
        return cls(
            id=hashlib.sha256(content).hexdigest()[:16],
            model=model,
            held_out=held_out,
            profiles=ordered,
            start_ms=min(profile.pane_start_ms for profile in ordered),
            end_ms=max(profile.pane_end_ms for profile in ordered),
            source=source,
        )

    @cached_property
    def layouts(self) -> frozenset[tuple[str, str]]:
        """Part and layout of every profile."""
        return frozenset((profile.part, profile.layout) for profile in self.profiles)

    def fits(self, layouts: Mapping[PartName, str]) -> bool:
        """Whether inputs and outcomes, as far as it holds any, can be compared with those of these layouts."""
        parts: tuple[PartName, ...] = ("inputs", "outcome")
        held = {part for part, _ in self.layouts}
        return all((part, layouts[part]) in self.layouts for part in parts if part in held)


def _order(profile: Profile) -> tuple[int, str, str, int, str, bool]:
    left_out = not profile.on_time
    return (profile.pane_start_ms, profile.segment, profile.part, profile.age_ms, profile.layout, left_out)
