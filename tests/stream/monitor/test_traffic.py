"""Traffic of segments, and what becomes of it with another reference."""

import msgspec
import pytest

from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, SHARDS, Day, Rows, Shard
from tidegauge.definition import TrafficMonitor

MOVED = "origin=EWR"


def rows_of(number: int) -> Rows:
    """Return the rows of a day: from the third on what came from EWR comes from JFK."""
    rows = world.rows_of(number, Day())
    if number >= 2:
        origins = rows.raw.segments["origin"]
        origins[:] = ["JFK" if origin == "EWR" else origin for origin in origins]
    return rows


@pytest.mark.parametrize("known", [True, False])
def test_the_alert_of_a_segment_ends_with_the_reference_that_knew_it(*, known: bool) -> None:
    definition = msgspec.structs.replace(world.DEFINITION, monitors=[TrafficMonitor()], windows=["1d"])
    compiled = world.compiled_model(definition)
    first = world.reference(compiled)
    kept = [profile for profile in first.profiles if known or profile.segment != MOVED]
    other = Reference.of("m", kept, held_out=True, source="other.parquet")
    catalog = world.catalog_of(compiled, first).with_reference(other, DAY_0 + 4 * DAY_MS + 1)
    shards, rows = [Shard(compiled, number) for number in range(SHARDS)], [rows_of(number) for number in range(6)]
    messages = [world.day_messages(shards, rows, number) for number in range(6)]
    outputs = world.run(MonitorCore(0, catalog), world.in_order(messages))
    told = [(a.status, a.decided_at_ms) for a in world.alerts(outputs, "traffic") if a.segment == MOVED]
    ended = [] if known else [("resolved", DAY_0 + 5 * DAY_MS)]
    assert told == [("firing", DAY_0 + 3 * DAY_MS), *ended]
