"""Where revisions may follow each other."""

import msgspec
import pytest

from stream.model.boundaries import common_boundary
from stream.model.compile import compile_model
from stream.model.compiled import CompiledModel
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS


def model(timezone: str, *windows: str) -> CompiledModel:
    definition = msgspec.structs.replace(world.DEFINITION, timezone=timezone, windows=list(windows))
    return compile_model(definition, world.grids())


@pytest.mark.parametrize(
    ("windows", "hours"), [((("1d",), ("1d", "7d")), 24), ((("1h",), ("1d",)), 24), ((("1h",), ("1h",)), 2)]
)
def test_revisions_of_one_timezone_meet(windows: tuple[tuple[str, ...], tuple[str, ...]], hours: int) -> None:
    models = [model("UTC", *lengths) for lengths in windows]
    found = common_boundary(DAY_0 + HOUR_MS + 5, models)
    assert found <= DAY_0 + hours * HOUR_MS
    assert [one.next_boundary(found) for one in models] == [found, found]


def test_days_of_two_timezones_never_meet_and_the_newer_begins_with_its_own() -> None:
    models = [model("UTC", "1d"), model("Europe/Berlin", "1d")]
    assert common_boundary(DAY_0 + 5, models) == DAY_0 + 23 * HOUR_MS
    assert common_boundary(DAY_0 + 5, models[::-1]) == DAY_0 + DAY_MS
