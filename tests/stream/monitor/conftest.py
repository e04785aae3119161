"""One synthetic model and its reference, made once: they are values."""

from collections.abc import Callable

import msgspec
import pytest

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from tests.stream.monitor import world
from tidegauge.definition import DEFAULT_MONITORS, ErrorsMonitor, FalseAlarms, LatencyMonitor

# Healthy noise alarms as often as the budget says: with one episode a year a test that sees one found a fault.
QUIET = FalseAlarms(page="1/365d", warn="1/365d", info="1/365d")


@pytest.fixture(scope="session")
def compiled() -> CompiledModel:
    # Burn rates want panes of 50 s, 1 728 a day: they have a model of their own below.
    daily = (LatencyMonitor(windows=["1d"]), ErrorsMonitor(windows=["1d"]))
    monitors = [m for m in DEFAULT_MONITORS if not isinstance(m, LatencyMonitor | ErrorsMonitor)]
    definition = msgspec.structs.replace(world.DEFINITION, false_alarms=QUIET, monitors=[*monitors, *daily])
    return world.compiled_model(definition)


@pytest.fixture
def play_burning() -> Callable[..., list]:
    """Run days through a new monitor that watches only latency and errors, by burn rates."""
    definition = msgspec.structs.replace(world.DEFINITION, monitors=[LatencyMonitor(), ErrorsMonitor()], windows=["1d"])
    compiled = world.compiled_model(definition)

    def run(days: list) -> list:
        messages = world.play(days, compiled, after=1)
        core = MonitorCore(0, world.catalog_of(compiled, None))
        return world.run(core, world.in_order(messages), every=2 * world.SHARDS)

    return run


@pytest.fixture(scope="session")
def reference(compiled: CompiledModel) -> Reference:
    return world.reference(compiled)


@pytest.fixture
def make(compiled: CompiledModel, reference: Reference) -> Callable[[], MonitorCore]:
    return lambda: MonitorCore(0, world.catalog_of(compiled, reference))


@pytest.fixture
def play(compiled: CompiledModel, make: Callable[[], MonitorCore]) -> Callable[..., list]:
    """Run days through a new monitor, deciding after each day."""

    def run(days: list, after: int = 3) -> list:
        messages = world.play(days, compiled, after=after)
        return world.run(make(), world.in_order(messages), every=2 * world.SHARDS)

    return run
