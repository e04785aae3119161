"""What `apply` says about monitors before there is a reference."""

import msgspec

from stream.definitions.detectable import detectable_text
from tests.stream.monitor import world
from tidegauge.definition import DriftMonitor, ReferenceSpec, TrafficMonitor

LEARNT = msgspec.structs.replace(world.DEFINITION, reference=ReferenceSpec(learn="28d"), windows=["1d"])


def test_traffic_that_a_learnt_reference_cannot_know_is_named() -> None:
    traffic = TrafficMonitor(windows=["1h", "1d"])
    hourly = msgspec.structs.replace(LEARNT, monitors=[DriftMonitor(), traffic])
    _, line = detectable_text(hourly, world.grids(), None)
    assert line.startswith("traffic, 1h windows: never judged by a learnt reference, whose shortest windows are of 1d")
    known = msgspec.structs.replace(LEARNT, monitors=[DriftMonitor(windows=["1h", "1d"]), traffic])
    assert len(detectable_text(known, world.grids(), None)) == 1
