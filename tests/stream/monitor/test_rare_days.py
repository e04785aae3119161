"""A model that does not run every day is learnt until its blocks are a yardstick."""

import msgspec
import pytest

from stream.model.compiled import CompiledModel
from stream.monitor.enough import enough_ms
from stream.monitor.outputs import LearnedReference, Output
from stream.monitor.schedule import FOREVER_MS
from stream.monitor.state import MonitorState
from stream.parts.keys import PartKey
from stream.parts.sample import SamplePart
from stream.timeline.durations import DAY_MS, MS_PER_UNIT
from tests.stream.monitor import world
from tests.stream.monitor.test_learning import replay, told
from tests.stream.monitor.world import DAY_0, Day, alerts, changed
from tidegauge.alerts import Window
from tidegauge.definition import DriftMonitor, FalseAlarms, ReferenceSpec
from tidegauge.reports import Report

SPAN_MS = 14 * DAY_MS


def learning(compiled: CompiledModel, windows: list[str], season: str | None = None) -> CompiledModel:
    reference = ReferenceSpec(learn="14d", season=season)
    definition = msgspec.structs.replace(
        compiled.definition,
        reference=reference,
        windows=windows,
        segments=[],
        monitors=[DriftMonitor(features=["a"])],
        false_alarms=FalseAlarms(),
    )
    return world.compiled_model(definition)


def states(outputs: list[Output]) -> dict[int, str]:
    reports = [o for o in outputs if isinstance(o, Report) and o.part == "inputs" and o.n]
    return {(r.window.end_ms - DAY_0) // DAY_MS: r.state for r in reports}


def test_a_model_that_runs_every_fifth_day_is_judged_in_the_end(compiled: CompiledModel) -> None:
    rare = learning(compiled, ["1d"])
    days = [Day(rows=0 if number % 5 else 400) for number in range(62)]
    messages = world.play(changed(days, range(50, 62, 5), shift_a=5.0), rare, after=0)
    slow, fast = (replay(rare, messages, at_once=at_once) for at_once in (False, True))
    [learned] = [o for o in slow if isinstance(o, LearnedReference)]
    assert (learned.reference.start_ms, learned.reference.end_ms) == (DAY_0 + 5 * DAY_MS, DAY_0 + 41 * DAY_MS)
    assert learned.effective_from_ms == DAY_0 + 44 * DAY_MS
    found = states(slow)
    assert {state for day, state in found.items() if day < 44} == {"learning"}
    assert found[46] == "ok"
    assert alerts(slow, "features")
    assert told(slow) == told(fast)


def test_what_is_never_enough_is_never_learnt(compiled: CompiledModel) -> None:
    """Four times as long as was asked for, then anew."""
    rare = learning(compiled, ["1d"])
    messages = world.play([Day(rows=0 if number % 20 else 300) for number in range(90)], rare, after=0)
    slow, fast = (replay(rare, messages, at_once=at_once) for at_once in (False, True))
    assert not [o for o in slow if isinstance(o, LearnedReference)]
    assert set(states(slow).values()) == {"learning"}
    assert max(states(slow)) == 81
    assert told(slow) == told(fast)


@pytest.mark.parametrize(
    ("days", "windows", "season", "enough"),
    [
        (range(60), ["1d"], None, 8),
        (range(60), ["1d"], "1w", 14),
        (range(60), ["1h", "1d"], None, 8),
        (range(60), ["1h"], None, 8 / 24),
        (range(60), ["1h", "7d"], None, 8 / 24),
        (range(0, 60, 7), ["1d"], None, 50),
        (range(0, 60, 7), ["1d"], "1w", 50),
        (range(0, 60, 7), ["1h"], "1d", 7 + 7 / 24),
        ([day for day in range(60) if day % 7 < 5], ["1d"], "1w", 16),
        (range(0, 40, 7), ["1d"], None, None),
    ],
)
def test_blocks_with_rows_are_counted_by_phase(
    compiled: CompiledModel, days: list[int], windows: list[str], season: str | None, enough: float | None
) -> None:
    model, hour_ms, state = learning(compiled, windows, season), MS_PER_UNIT["h"], MonitorState()
    for day in days:
        for hour in range(24):
            start_ms = DAY_0 + day * DAY_MS + hour * hour_ms
            key = PartKey("m", "v1", "", "inputs", start_ms, start_ms + hour_ms, True, 0, model.layouts["inputs"])
            state.panes.add(key, SamplePart())
    window = Window(length="reference", start_ms=DAY_0, end_ms=DAY_0 + 60 * DAY_MS)
    expected = FOREVER_MS if enough is None else DAY_0 + round(enough * DAY_MS)
    assert enough_ms(state.panes, model, window, SPAN_MS) == expected
