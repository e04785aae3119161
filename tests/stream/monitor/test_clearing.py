"""A window within what healthy blocks are like ends an episode, however small an effect is large enough."""

import msgspec

from stream.monitor.core import MonitorCore
from tests.stream.monitor import world
from tests.stream.monitor.conftest import QUIET
from tests.stream.monitor.world import SHARDS, alerts, changed, healthy
from tidegauge.definition import CalibrationMonitor


def test_where_any_effect_is_large_enough_an_episode_ends() -> None:
    monitors = [CalibrationMonitor(min_effect=0)]
    definition = msgspec.structs.replace(world.DEFINITION, windows=["1d"], monitors=monitors, false_alarms=QUIET)
    compiled = world.compiled_model(definition)
    core = MonitorCore(0, world.catalog_of(compiled, world.reference(compiled)))
    messages = world.play(changed(healthy(14), range(5, 8), score_shift=0.15), compiled, after=0)
    outputs = world.run(core, world.in_order(messages), every=2 * SHARDS)
    found = [alert for alert in alerts(outputs, "calibration") if not alert.segment]
    assert [alert.status for alert in found] == ["firing", "resolved"]
