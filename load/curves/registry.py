"""Every curve by its name, in the order in which they are measured."""

from collections.abc import Callable

from load.curves import latency, outstanding, published, recovery, scale, starts
from load.curves.bench import Bench
from load.curves.curve import Curve

CURVES: dict[str, Callable[[Bench], Curve]] = {
    "models": scale.models,
    "hourly": scale.hourly,
    "features": scale.features,
    "segments": scale.segments,
    "workers": scale.workers,
    "outstanding": outstanding.outstanding,
    "checkpoint": recovery.checkpoint,
    "published": published.published,
    "latency": latency.latency,
    "starts": starts.starts,
}
