"""What `apply` says about monitors before there is a reference."""

import msgspec

from stream.definitions.detectable import detectable_text
from tests.stream.monitor import world
from tidegauge.definition import DriftMonitor, PerformanceMonitor, ReferenceSpec, TrafficMonitor

LEARNT = msgspec.structs.replace(world.DEFINITION, reference=ReferenceSpec(learn="28d"), windows=["1d"])


def test_traffic_that_a_learnt_reference_cannot_know_is_named() -> None:
    traffic = TrafficMonitor(windows=["1h", "1d"])
    hourly = msgspec.structs.replace(LEARNT, monitors=[DriftMonitor(), traffic])
    _, line = detectable_text(hourly, world.grids(), None)
    assert line.startswith("traffic, 1h windows: never judged by a learnt reference, whose shortest windows are of 1d")
    known = msgspec.structs.replace(LEARNT, monitors=[DriftMonitor(windows=["1h", "1d"]), traffic])
    assert len(detectable_text(known, world.grids(), None)) == 1


def test_a_learnt_reference_that_a_change_of_features_leaves_behind_is_named() -> None:
    before = msgspec.structs.replace(LEARNT, monitors=[DriftMonitor(), PerformanceMonitor()])
    reference = world.reference(world.compiled_model(before))
    drift, loss = detectable_text(before, world.grids(), reference)
    assert drift.startswith("drift of 4 features, 1d windows (28 blocks): sees PSI above")
    fewer = {name: kind for name, kind in before.features.items() if name != "c"}
    grids = {name: grid for name, grid in world.grids().items() if name != "c"}
    after = detectable_text(msgspec.structs.replace(before, features=fewer), grids, reference)
    assert after == (
        "reference: it does not fit the change; learnt anew from the change on",
        "drift of 3 features, 1d windows: not judged, the reference counts in other cells",
        loss,
    )
