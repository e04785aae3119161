"""Which group protocol the profilers join with: `kafka: {group.protocol: consumer}`.

The settings under `kafka:` go to every client, and only one of them is a member of a group that we may choose the
protocol of: the profiler. Producers, readers and the monitor (whose client knows only the classic protocol, and whose
group is another) must not be given it.
"""

from collections.abc import Mapping
from typing import Final, Literal, cast

GroupProtocol = Literal["classic", "consumer"]

ASSIGNOR: Final = "range"
"""The one that gives predictions[i] and labels[i] to the same member."""

PROTOCOL_KEY: Final = "group.protocol"
ASSIGNOR_KEYS: Final = ("group.remote.assignor", "partition.assignment.strategy")
GROUP_KEYS: Final = frozenset({PROTOCOL_KEY, *ASSIGNOR_KEYS})


def group_protocol(settings: Mapping[str, str]) -> GroupProtocol:
    """Return the protocol that was chosen; "classic" by default.

    Raises ValueError for one that does not exist, and for an assignor that tears a shard apart.
    """
    protocol = settings.get(PROTOCOL_KEY, "classic").lower()
    if protocol not in {"classic", "consumer"}:
        raise ValueError(f"{PROTOCOL_KEY} is {protocol!r}; it must be classic or consumer")
    for key in ASSIGNOR_KEYS:
        if settings.get(key, ASSIGNOR) != ASSIGNOR:
            raise ValueError(
                f"{key} is {settings[key]!r}; only {ASSIGNOR} keeps a prediction and its label with one worker"
            )
    return cast("GroupProtocol", protocol)


def without_group(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that every client may have."""
    return {key: value for key, value in settings.items() if key not in GROUP_KEYS}
